# Userland: libcapos and its sysroot, init, the shell, guest tests.
#
# Programs are compiled by the very capos-cc that users have.

# ---- libcapos: its own files, the core modules it leans on, and the generated client stubs -------

INTERFACE_SCHEMAS := $(shell grep -l '^interface ' schema/*.capnp)
CLIENT_SOURCES := $(patsubst schema/%.capnp,$(GEN)/client/%.c,$(INTERFACE_SCHEMAS))
$(CLIENT_SOURCES): $(GEN)/.stamp
	@touch $@

LIBCAPOS_SOURCES := $(sort $(wildcard user/libcapos/*.c user/libcapos/cxx/*.c)) \
    user/libcapos/thread_entry.S \
    core/format.c core/tls_layout.c core/wire.c core/wire_builder.c $(CLIENT_SOURCES)
LIBCAPOS_HEADERS := $(sort $(wildcard user/libcapos/include/capos/*.h include/capos/*.h))
# C++ finds these by their standard names, and libc++'s before them once it is there.
CXX_HEADERS := $(sort $(wildcard user/libcapos/include/c++/*))

# The names of errors, from the schema: "  badAddress @6" becomes [6] = "badAddress".
ERROR_NAMES := $(BUILD)/user/error_names.inc
$(ERROR_NAMES): schema/errors.capnp
	@mkdir -p $(@D)
	@sed -n 's/^  \([a-zA-Z]*\) @\([0-9]*\).*/[\2] = "\1",/p' $< >$@
$(call objects,user,user/libcapos/error.c): $(ERROR_NAMES)
CFLAGS_user/libcapos/error.c := -I$(dir $(ERROR_NAMES))

$(SYSROOT)/lib/libcapos.a: $(call objects,user,$(LIBCAPOS_SOURCES))
	$(call say,AR,$@)
	@mkdir -p $(@D) && rm -f $@
	$(Q)$(AR) rcsD $@ $^

$(SYSROOT)/lib/crt0.o: $(call objects,user,user/libcapos/crt0.S)
	@mkdir -p $(@D)
	@cp $< $@

# Headers of all origins in one place; capos/interfaces.h names those that the schema makes. clang
# looks for them in usr/include.
$(SYSROOT)/.stamp: $(GEN)/.stamp $(LIBCAPOS_HEADERS) $(CXX_HEADERS)
	$(call say,HEADERS,$(SYSROOT)/include)
	@rm -rf $(SYSROOT)/include && mkdir -p $(SYSROOT)/include/capos
	@cp $(LIBCAPOS_HEADERS) $(GEN)/include/capos/*.h $(SYSROOT)/include/capos/
	@cp $(CXX_HEADERS) $(SYSROOT)/include/
	@{ echo '#pragma once'; for file in $(GEN)/include/capos/*.h; do \
	    echo "#include \"capos/$${file##*/}\""; done; } >$(SYSROOT)/include/capos/interfaces.h
	@ln -sfn . $(SYSROOT)/usr
	@touch $@

# ---- programs -----------------------------------------------------------------------------------

# CFLAGS_FILE and LDFLAGS_FOLDER/NAME.elf are more options, for one file and for one program.
PROGRAM_CFLAGS := -std=c17 -O2 -I. $(WARNINGS) $(REPRODUCIBLE)
# In C++ -Wextra wants members that are left out to be spelled, where C takes them for 0.
PROGRAM_CXXFLAGS := -std=c++20 -O2 -I. $(filter-out %-prototypes,$(WARNINGS)) \
    -Wno-missing-field-initializers $(REPRODUCIBLE)

$(BUILD)/obj/program/%.o: %.c $(MAKEFILE_LIST) $(CAPOS_CC) $(SYSROOT)/.stamp | $(CAPOS_CC_NEEDS)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CAPOS_CC) $(PROGRAM_CFLAGS) $(CFLAGS_$<) -MMD -MP -MJ $@.json -c $< -o $@
$(BUILD)/obj/program/%.o: %.cc $(MAKEFILE_LIST) $(CAPOS_CC) $(SYSROOT)/.stamp | $(CAPOS_CC_NEEDS)
	$(call say,C++,$@)
	@mkdir -p $(@D)
	$(Q)$(BIN)/capos-c++ $(PROGRAM_CXXFLAGS) $(CFLAGS_$<) -MMD -MP -MJ $@.json -c $< -o $@
$(BUILD)/obj/program/%.o: %.S $(MAKEFILE_LIST) $(CAPOS_CC) $(SYSROOT)/.stamp | $(CAPOS_CC_NEEDS)
	$(call say,AS,$@)
	@mkdir -p $(@D)
	$(Q)$(CAPOS_CC) $(PROGRAM_CFLAGS) -MMD -MP -c $< -o $@
# LLVM IR, after the C preprocessor.
$(BUILD)/obj/program/%.o: %.ll $(MAKEFILE_LIST) $(CAPOS_CC) $(SYSROOT)/.stamp | $(CAPOS_CC_NEEDS)
	$(call say,IR,$@)
	@mkdir -p $(@D)
	$(Q)$(CAPOS_CC) -E -P -xassembler-with-cpp -I. -MMD -MP -MF $(@:.o=.d) -MT $@ $< -o $@.ll
	$(Q)$(CAPOS_CC) -O2 -c $@.ll -o $@

# $(call program,ELF,SOURCES): one program of the tree.
define program
$(1): $(call objects,program,$(2)) $(CAPOS_CC_NEEDS)
	$$(call say,PROGRAM,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CAPOS_CC) $$(filter $$(BUILD)/obj/program/%,$$^) $$(LDFLAGS_$$(@:$$(BUILD)/%=%)) -o $$@
endef

$(eval $(call program,$(BUILD)/user/init.elf,$(wildcard user/init/*.c)))
# The shell reads ELF notes with the reader that the kernel uses.
$(eval $(call program,$(BUILD)/user/shell.elf,$(wildcard user/shell/*.c) core/elf.c core/elf_note.c))
ALL += $(BUILD)/user/init.elf $(BUILD)/user/shell.elf

# tests/guest/NAME.c, or NAME.cc, becomes build/tests/guest/NAME.elf; what else one is made of
# stands here.
SOURCES_guest_calling_conventions := demos/c/float/state.c demos/c/float/registers.S \
    $(sort $(wildcard $(addprefix tests/guest/calling_conventions/*.,c S ll)))
SOURCES_guest_clock_page := tests/guest/clock_page/read.S
SOURCES_guest_code_model_large := $(sort $(wildcard tests/guest/code_model_large/*.c))
CFLAGS_tests/guest/code_model_large.c := -mcmodel=large
CFLAGS_tests/guest/code_model_large/shapes.c := -mcmodel=large
CFLAGS_tests/guest/code_model_large/shapes_plain.c := -mcmodel=large -O0
LDFLAGS_tests/guest/code_model_large.elf := -Wl,-T,tests/guest/code_model_large/high.ld
$(BUILD)/tests/guest/code_model_large.elf: tests/guest/code_model_large/high.ld
SOURCES_guest_code_model_medium := $(sort $(wildcard tests/guest/code_model_medium/*.c))
CFLAGS_tests/guest/code_model_medium.c := -mcmodel=medium
CFLAGS_tests/guest/code_model_medium/far.c := -mcmodel=medium
SOURCES_guest_first_registers := tests/guest/first_registers/entry.S
LDFLAGS_tests/guest/first_registers.elf := -Wl,--entry=first_registers_entry
SOURCES_guest_float := demos/c/float/state.c demos/c/float/registers.S
SOURCES_guest_hostile := $(sort $(wildcard tests/guest/hostile/*.c))
SOURCES_guest_signal_memory := tests/guest/signal_storm/storm.S
SOURCES_guest_signal_storm := tests/guest/signal_storm/storm.S demos/c/float/registers.S \
    demos/c/float/state.c
SOURCES_guest_thread_spawner := tests/guest/thread_spawner/entry.S
SOURCES_guest_tls_access := $(sort $(wildcard tests/guest/tls_access/*.[cS]))
INITIAL_EXEC := -fPIC -ftls-model=initial-exec
CFLAGS_tests/guest/tls_access/access_plain.c := -O0
CFLAGS_tests/guest/tls_access/access_initial.c := $(INITIAL_EXEC)
CFLAGS_tests/guest/tls_access/access_initial_plain.c := $(INITIAL_EXEC) -O0
CFLAGS_tests/guest/tls_access/access_large.c := -mcmodel=large
SOURCES_guest_tls_start := tests/guest/tls_start/entry.S
LDFLAGS_tests/guest/tls_start.elf := -Wl,--entry=tls_start_entry
GUEST_TEST_NAMES := $(basename $(notdir $(sort $(wildcard tests/guest/*.c tests/guest/*.cc))))
$(foreach name,$(GUEST_TEST_NAMES),$(eval $(call program,$(BUILD)/tests/guest/$(name).elf,\
    $(wildcard tests/guest/$(name).c tests/guest/$(name).cc) $(SOURCES_guest_$(name)))))
GUEST_TESTS += $(GUEST_TEST_NAMES:%=$(BUILD)/tests/guest/%.elf)

# tests/faults/NAME.c becomes build/tests/faults/NAME.elf; all of them are driven the same way.
FAULTS_TEST_NAMES := $(basename $(notdir $(sort $(wildcard tests/faults/*.c))))
$(foreach name,$(FAULTS_TEST_NAMES),$(eval $(call program,$(BUILD)/tests/faults/$(name).elf,\
    tests/faults/$(name).c $(wildcard tests/faults/driver/*.c))))
GUEST_TESTS += $(FAULTS_TEST_NAMES:%=$(BUILD)/tests/faults/%.elf)
