# The host tool. A verb is one file in tools/capos/verbs/: the table of verbs is made from their names.
CAPOS_VERBS := $(sort $(wildcard tools/capos/verbs/*.c))
CAPOS_SOURCES := $(sort $(wildcard tools/capos/*.c)) $(CAPOS_VERBS)
CAPOS_VERB_TABLE := $(BUILD)/verbs/verb_table.c
CAPOS_OBJECTS := $(call objects,host,$(CAPOS_SOURCES) $(CAPOS_VERB_TABLE) $(CORE_SOURCES) \
    $(GEN)/host/capos_tables.c)

$(CAPOS_VERB_TABLE): $(CAPOS_VERBS) tools/capos/module.mk
	@mkdir -p $(@D)
	$(Q){ echo '#include "tools/capos/verb.h"'; echo; \
	    for v in $(basename $(notdir $(CAPOS_VERBS))); do \
	        echo "extern const struct verb verb_$$v;"; done; \
	    echo; echo 'const struct verb *const verb_table[] = {'; \
	    for v in $(basename $(notdir $(CAPOS_VERBS))); do echo "    &verb_$$v,"; done; \
	    echo '};'; \
	    echo 'const size_t verb_count = sizeof verb_table / sizeof verb_table[0];'; } >$@

$(GEN)/host/capos_tables.c: $(GEN)/.stamp

$(BUILD)/capos: $(CAPOS_OBJECTS)
	$(call say,LINK,$@)
	$(Q)$(CC) -fuse-ld=lld-19 -Wl,--build-id=none $^ -o $@

ALL += $(BUILD)/capos

# The tests of the tool run it with a stand-in for QEMU.
FAKE_QEMU := $(BUILD)/tests/tool/fake-qemu
$(FAKE_QEMU): $(call objects,host,tests/tool/fake_qemu.c core/wire.c core/wire_builder.c)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $^ -o $@
GUEST_TESTS += $(FAKE_QEMU)

SOURCES_capos_size_test := tools/capos/size.c
SOURCES_capos_grants_test := $(addprefix tools/capos/,grants.c message.c size.c)
SOURCES_capos_json_test := tools/capos/json.c
SOURCES_capos_package_test := $(addprefix tools/capos/,package.c program.c needs.c grants.c \
    message.c size.c)
SOURCES_capos_manifest_test := $(addprefix tools/capos/,manifest.c grants.c message.c size.c)
SOURCES_capos_terminal_test := tools/capos/terminal.c
SOURCES_capos_machine_test := $(addprefix tools/capos/,machine.c arguments.c process.c message.c)
SOURCES_capos_options_test := $(addprefix tools/capos/,options.c grants.c message.c size.c)
SOURCES_capos_needs_test := $(addprefix tools/capos/,needs.c grants.c message.c size.c)
SOURCES_capos_report_test := tools/capos/report.c
