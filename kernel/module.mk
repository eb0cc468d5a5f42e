# The kernel: every .c and .S below kernel/, the pure core, and the generated interface tables.
KERNEL := $(BUILD)/capos-kernel.elf
KERNEL_LD := kernel/arch/x86_64/kernel.ld
KERNEL_SOURCES := $(sort $(shell find kernel -name '*.[cS]'))
KERNEL_OBJECTS := $(call objects,kernel,$(KERNEL_SOURCES) $(CORE_SOURCES)) \
    $(BUILD)/obj/kernel/gen/interfaces.o
KERNEL_LDFLAGS := -static -nostdlib -z max-page-size=4096 -z noexecstack --gc-sections \
    --build-id=none --orphan-handling=error -T $(KERNEL_LD)
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
$(BUILD)/kernel/symbols-1.S: $(BUILD)/kernel/kernel-0.elf scripts/kernel-symbols.sh
	$(Q)$(NM) -n $< >$@.nm
	$(Q)scripts/kernel-symbols.sh $@.nm >$@
$(BUILD)/kernel/symbols-%.o: $(BUILD)/kernel/symbols-%.S
	$(Q)$(CC) $(kernel_CFLAGS) -c $< -o $@
$(BUILD)/kernel/kernel-0.elf: $(KERNEL_OBJECTS) $(BUILD)/kernel/symbols-0.o $(KERNEL_LD)
	$(Q)$(LD) $(KERNEL_LDFLAGS) $(filter %.o,$^) -o $@
$(KERNEL): $(KERNEL_OBJECTS) $(BUILD)/kernel/symbols-1.o $(KERNEL_LD)
	$(call say,LD,$@)
	$(Q)$(LD) $(KERNEL_LDFLAGS) $(filter %.o,$^) -o $@

##@ make kernel        build the kernel alone
.PHONY: kernel
kernel: $(KERNEL)
