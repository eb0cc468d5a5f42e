# Tests on the host. tests/host/NAME_test.c becomes build/tests/host/NAME_test, and tests/fuzz/
# NAME_fuzz.c becomes build/tests/fuzz/NAME_fuzz; each is linked with all of core/. What else a
# program needs is named by its module as SOURCES_NAME_test or SOURCES_NAME_fuzz.

FORMAT_DIRS += core include kernel tools user demos tests

# $(call test_program,FLAVOUR,FOLDER,NAME,LINK FLAGS,MORE SOURCES)
define test_program
$(BUILD)/tests/$(2)/$(3): $(call objects,$(1),tests/$(2)/$(3).c tests/host/assert_host.c \
    $(CORE_SOURCES) $(5) $(SOURCES_$(3)) $(GEN)/host/capos_tables.c)
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$($(1)_CFLAGS) $(4) $$^ -pthread -o $$@
endef

SOURCES_elf_test := tests/host/elf_image.c
SOURCES_elf_note_test := tests/host/elf_image.c
SOURCES_elf_fuzz := tests/host/elf_image.c

# ---- make check: the quick tier -----------------------------------------------------------------

HOST_TEST_NAMES := $(basename $(notdir $(sort $(wildcard tests/host/*_test.c))))
HOST_TEST_SCRIPTS := $(basename $(notdir $(sort $(wildcard tests/host/*_test.sh))))
HOST_TESTS += $(HOST_TEST_NAMES:%=$(BUILD)/tests/host/%)
$(foreach name,$(HOST_TEST_NAMES),$(eval $(call test_program,test,host,$(name),,)))

# Each step leaves its cases in a file of TAP, and always runs.
CHECK_TAP := $(BUILD)/tests/check
CXX_STANDARDS := c++17 c++20
CHECK_STEPS := format tree conformance core-has-no-variables abi headers-host headers-kernel \
    headers-user $(CXX_STANDARDS:%=headers-user-%) $(HOST_TEST_NAMES) $(HOST_TEST_SCRIPTS)
step = +@sh tests/check/step.sh $@ $(basename $(notdir $@))
headers = $(step) sh tests/check/headers.sh

.PHONY: check check-programs format FORCE
FORCE:
$(CHECK_TAP)/format.tap: FORCE
	$(step) sh tests/check/format.sh $(CLANG_FORMAT) $(FORMAT_DIRS)
$(CHECK_TAP)/tree.tap: FORCE
	$(step) sh tests/check/tree.sh
$(CHECK_TAP)/conformance.tap: FORCE | $(GEN)/.stamp
	$(step) sh tests/check/conformance.sh
$(CHECK_TAP)/core-has-no-variables.tap: $(call objects,host,$(CORE_SOURCES)) FORCE
	$(step) sh tests/check/stateless.sh $(NM) $(filter %.o,$^)
$(CHECK_TAP)/abi.tap: FORCE | $(GEN)/.stamp
	$(step) $(MAKE) check-abi
$(CHECK_TAP)/headers-host.tap: FORCE | $(GEN)/.stamp
	$(headers) core include tools tests/host tests/fuzz $(GEN)/host $(GEN)/include -- \
	    $(CC) -x c $(host_CFLAGS)
$(CHECK_TAP)/headers-kernel.tap: FORCE | $(GEN)/.stamp
	$(headers) core include kernel $(GEN)/kernel -- $(CC) -x c $(kernel_CFLAGS)
$(CHECK_TAP)/headers-user.tap: FORCE | $(SYSROOT)/.stamp
	$(headers) user tests/guest tests/faults tests/languages demos $(GEN)/include -- \
	    $(CC) -x c $(user_CFLAGS) -I$(SYSROOT)/include
$(CXX_STANDARDS:%=$(CHECK_TAP)/headers-user-%.tap): $(CHECK_TAP)/headers-user-%.tap: FORCE | \
    $(SYSROOT)/.stamp
	$(headers) $(SYSROOT)/include -- $(CC) -x c++ --target=x86_64-unknown-capos -std=$* \
	    -nostdlibinc -Wall -Wextra -Wshadow -Wconversion -Werror -I$(SYSROOT)/include
$(HOST_TEST_NAMES:%=$(CHECK_TAP)/%.tap): $(CHECK_TAP)/%.tap: $(BUILD)/tests/host/% FORCE
	$(step) $<
$(HOST_TEST_SCRIPTS:%=$(CHECK_TAP)/%.tap): $(CHECK_TAP)/%.tap: tests/host/%.sh check-programs FORCE
	$(step) sh $<

# What the scripts of tests/host run.
check-programs: $(GEN)/.stamp

##@ make check         the quick tier: format, headers, rules of the tree, host tests
check: $(CHECK_STEPS:%=$(CHECK_TAP)/%.tap)
	@sh tests/check/total.sh $^

##@ make format        write all files in C and C++ as clang-format would, and Rust as rustfmt would
format: rust-format
	@find $(sort $(FORMAT_DIRS)) \( -name '*.[ch]' -o -name '*.cc' -o -path '*/c++/*' \) \
	    -exec $(CLANG_FORMAT) -i {} +

##@ make conformance   write docs/conformance.md from tests/conformance
.PHONY: conformance
conformance:
	$(Q)sh tests/check/conformance.sh write

# ---- make fuzz ----------------------------------------------------------------------------------

# Found inputs are kept in build/fuzz/NAME/, so that the next run goes on where this one ended; an
# input that breaks something is written to build/fuzz/NAME-crash-... and named.
FUZZ_SECONDS ?= 60
FUZZ_NAMES := $(basename $(notdir $(sort $(wildcard tests/fuzz/*_fuzz.c))))
$(foreach name,$(FUZZ_NAMES),$(eval $(call test_program,fuzz,fuzz,$(name),-fsanitize=fuzzer,\
    tests/fuzz/seed.c)))

##@ make fuzz          every fuzzer for FUZZ_SECONDS (60); make fuzz-NAME runs one
.PHONY: fuzz $(FUZZ_NAMES:%_fuzz=fuzz-%)
fuzz: $(FUZZ_NAMES:%_fuzz=fuzz-%)
$(FUZZ_NAMES:%_fuzz=fuzz-%): fuzz-%: $(BUILD)/tests/fuzz/%_fuzz
	@sh tests/fuzz/run.sh $< $(BUILD)/fuzz/$* $(FUZZ_SECONDS)
