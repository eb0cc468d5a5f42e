# The kernel: every .c and .S below kernel/, the pure core, and the generated interface tables.
KERNEL := $(BUILD)/capos-kernel.elf
KERNEL_LD := kernel/arch/x86_64/kernel.ld
# What the variant for failure injection has besides; it takes the place of functions that fail.
INJECT_SOURCE := kernel/debug/inject.c
INJECT_LDFLAGS := $(addprefix --wrap=,ledger_charge frame_alloc frame_alloc_zeroed \
    frame_alloc_large captable_add_chunk captable_reserve process_create)
KERNEL_FAULTS := $(BUILD)/capos-kernel-faults.elf
KERNEL_SOURCES := $(filter-out $(INJECT_SOURCE),$(sort $(shell find kernel -name '*.[cS]')))
KERNEL_OBJECTS := $(call objects,kernel,$(KERNEL_SOURCES) $(CORE_SOURCES)) \
    $(BUILD)/obj/kernel/gen/interfaces.o
# Optimised as a whole by the linker. It inlines more than it would by itself: the kernel takes fewer
# instructions for that, and its file has room.
KERNEL_LDFLAGS := -mllvm -inline-threshold=400 -static -nostdlib -z max-page-size=4096 \
    -z noexecstack --gc-sections --build-id=none --orphan-handling=error -T $(KERNEL_LD)
ALL += $(KERNEL)

$(BUILD)/obj/kernel/gen/%.o: $(GEN)/.stamp
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(kernel_CFLAGS) -MMD -MP -c $(GEN)/kernel/$*.c -o $@

# The symbol table for backtraces is linked in twice: the first link fixes the addresses, the second
# carries their names. It stands behind all code and data, so that nothing moves in between.
$(BUILD)/kernel/symbols-0.S:
	@mkdir -p $(@D)
	@scripts/kernel-symbols.sh /dev/null >$@
$(BUILD)/kernel/symbols-%.o: $(BUILD)/kernel/symbols-%.S
	$(Q)$(CC) $(kernel_CFLAGS) -c $< -o $@

# $(call kernel_program,ELF,NAME,MORE SOURCES,MORE LINK FLAGS)
define kernel_program
$(BUILD)/kernel/$(2)-0.elf: $(KERNEL_OBJECTS) $(call objects,kernel,$(3)) \
    $(BUILD)/kernel/symbols-0.o $(KERNEL_LD)
	$$(Q)$$(LD) $$(KERNEL_LDFLAGS) $(4) $$(filter %.o,$$^) -o $$@
$(BUILD)/kernel/symbols-$(2).S: $(BUILD)/kernel/$(2)-0.elf scripts/kernel-symbols.sh
	$$(Q)$$(NM) -n $$< >$$@.nm
	$$(Q)scripts/kernel-symbols.sh $$@.nm >$$@
$(1): $(KERNEL_OBJECTS) $(call objects,kernel,$(3)) $(BUILD)/kernel/symbols-$(2).o $(KERNEL_LD)
	$$(call say,LD,$$@)
	$$(Q)$$(LD) $$(KERNEL_LDFLAGS) $(4) $$(filter %.o,$$^) -o $$@
endef
$(eval $(call kernel_program,$(KERNEL),kernel,,))
$(eval $(call kernel_program,$(KERNEL_FAULTS),faults,$(INJECT_SOURCE),$(INJECT_LDFLAGS)))
GUEST_TESTS += $(KERNEL_FAULTS)

##@ make kernel        build the kernel alone
.PHONY: kernel
kernel: $(KERNEL)
