# The two commands of the README, and what goes round them.

.PHONY: run test soak guest-tests fresh iso debug

##@ make run           boot capOS to its shell; without a terminal run the demos (ARGS=...)
run: all
	$(Q)$(BUILD)/capos boot $(ARGS)

##@ make test          every test; ONLY=WORD picks by name, JOBS=N runs so many at once
test:
	+$(Q)exec env MAKE='$(MAKE)' ONLY='$(ONLY)' JOBS='$(JOBS)' sh scripts/run-tests.sh

##@ make soak          the tests in machines again and again, with fresh seeds (N=20 CPUS=1,2,4 SEED=)
soak: all guest-tests rust-tests
	+$(Q)exec env N='$(N)' CPUS='$(CPUS)' SEED='$(SEED)' ONLY='$(ONLY)' JOBS='$(JOBS)' \
	    LOAD='$(LOAD)' sh scripts/soak.sh

# The programs that only the tests run.
guest-tests: $(GUEST_TESTS)

##@ make fresh         ./run and ./test in a minimal Debian 12 made for the purpose; needs root
fresh:
	$(Q)sh scripts/fresh.sh

##@ make iso           build/capos.iso: starts under BIOS and UEFI, console on COM1
ISO := $(BUILD)/capos.iso
BOOT_PACKAGE := $(BUILD)/capos.package
iso: $(ISO)
$(BOOT_PACKAGE): $(ALL)
	$(call say,PACKAGE,$@)
	$(Q)$(BUILD)/capos image -o $@
$(ISO): $(BUILD)/capos-kernel.elf $(BOOT_PACKAGE) scripts/make-iso.sh
	$(call say,ISO,$@)
	$(Q)sh scripts/install-needs.sh image
	$(Q)sh scripts/make-iso.sh $(BUILD)/capos-kernel.elf $(BOOT_PACKAGE) $@

##@ make debug         stop before the first instruction and wait for gdb (PROGRAM=FILE GRANT=NAMES)
# Breakpoints go by address, and every program has the same ones: here init gets others.
DEBUG_INIT := $(BUILD)/debug/init.elf
$(DEBUG_INIT): $(call objects,program,$(wildcard user/init/*.c)) $(BUILD)/user/init.elf
	$(call say,PROGRAM,$@)
	@mkdir -p $(@D)
	$(Q)$(CAPOS_CC) -Wl,--image-base=0x40000000 $(filter %.o,$^) -o $@
debug: all $(DEBUG_INIT)
	$(Q)exec env PROGRAM='$(PROGRAM)' GRANT='$(GRANT)' PORT='$(PORT)' sh scripts/debug.sh
