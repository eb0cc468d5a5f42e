# Benchmarks: the same operations on capOS and on Linux, in the same machine.
#
# bench/metrics.def and bench/cpus.def list what is measured. A side is bench/both with the files of
# its folder; it becomes boot packages, or one initramfs. What it starts is in its folder child.

FORMAT_DIRS += bench
BENCH := $(BUILD)/bench

# ---- capOS --------------------------------------------------------------------------------------

BENCH_CAPOS := $(BENCH)/capos
BENCH_KERNEL := $(BENCH_CAPOS)/kernel.elf
# What bench/both/main.c can be told to measure: a package for each.
BENCH_RUNS := metrics cpus speedup
BENCH_PACKAGES := $(patsubst %,$(BENCH_CAPOS)/%.package,$(BENCH_RUNS) hello)

# At an address of its own: bench/profile.sh tells the program from others by it.
$(BENCH_CAPOS)/bench.elf: $(call objects,program,$(sort $(wildcard bench/both/*.c bench/capos/*.c))) \
    $(CAPOS_CC_NEEDS)
	$(call say,PROGRAM,$@)
	@mkdir -p $(@D)
	$(Q)$(CAPOS_CC) -Wl,--image-base=0x40000000 $(filter $(BUILD)/obj/program/%,$^) -o $@

$(eval $(call program,$(BENCH_CAPOS)/yielder.elf,bench/capos/child/yielder.c))

# Without what comes before main, as on Linux.
$(BENCH_CAPOS)/tiny.elf: $(call objects,program,bench/capos/child/tiny.c) $(CAPOS_CC_NEEDS)
	$(call say,PROGRAM,$@)
	@mkdir -p $(@D)
	$(Q)$(CAPOS_CC) -nostartfiles $< -o $@

# What boots is stripped: the size of debug information is none of the system's.
bench_strip = @mkdir -p $(@D) && $(OBJCOPY) --strip-all $< $@
$(BENCH_KERNEL): $(BUILD)/capos-kernel.elf
	$(bench_strip)
$(BENCH_CAPOS)/init.stripped: $(BUILD)/user/init.elf
	$(bench_strip)
$(BENCH_CAPOS)/hello.stripped: $(BUILD)/demos/hello.elf
	$(bench_strip)
$(BENCH_CAPOS)/%.stripped: $(BENCH_CAPOS)/%.elf
	$(bench_strip)

$(BENCH)/pack: $(call objects,host,bench/pack.c $(SOURCES_capos_package_test) $(CORE_SOURCES) \
    $(GEN)/host/capos_tables.c)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -fuse-ld=lld-19 -Wl,--build-id=none $^ -o $@

$(BENCH_CAPOS)/hello.manifest: bench/capos/hello.manifest.txt
$(BENCH_RUNS:%=$(BENCH_CAPOS)/%.manifest): bench/capos/bench.manifest.txt
$(BENCH_CAPOS)/%.manifest: $(SCHEMAS)
	@mkdir -p $(@D)
	$(Q)sed 's/RUN/$*/' $(filter %.txt,$^) | \
	    $(CAPNP) convert text:binary -Ischema schema/manifest.capnp Manifest >$@

# A package holds its manifest and, under their base names, its programs.
$(BENCH_RUNS:%=$(BENCH_CAPOS)/%.package): \
    $(patsubst %,$(BENCH_CAPOS)/%.stripped,init bench tiny yielder)
$(BENCH_CAPOS)/hello.package: $(patsubst %,$(BENCH_CAPOS)/%.stripped,init hello)
$(BENCH_PACKAGES): %.package: %.manifest $(BENCH)/pack
	$(call say,PACKAGE,$@)
	$(Q)$(BENCH)/pack $@ manifest=$*.manifest \
	    $(foreach file,$(filter %.stripped,$^),$(basename $(notdir $(file)))=$(file))

# The test of the harness boots these.
GUEST_TESTS += $(BENCH_PACKAGES) $(BENCH_KERNEL)

.PHONY: bench bench-capos bench-linux bench-profile
# What bench/run.sh boots.
bench-capos: $(BENCH_PACKAGES) $(BENCH_KERNEL)
	@:

# ---- Linux --------------------------------------------------------------------------------------

BENCH_LINUX := $(BENCH)/linux

# The headers of io_uring are the kernel's, which musl-gcc does not look for by itself.
LINUX_CC := musl-gcc -std=gnu17 -O2 -static -no-pie -s -I. -idirafter /usr/include \
    -idirafter /usr/include/x86_64-linux-gnu -Wall -Wextra -Werror
LINUX_SOURCES := $(sort $(wildcard bench/both/*.c bench/linux/*.c))

$(BENCH_LINUX)/init: $(LINUX_SOURCES) $(wildcard bench/*.h bench/*/*.h bench/*.def) bench/module.mk
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(LINUX_CC) $(LINUX_SOURCES) -o $@
$(BENCH_LINUX)/tiny: bench/linux/child/tiny.c bench/module.mk
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(LINUX_CC) -nostdlib -Wl,--build-id=none -Wl,-z,noseparate-code $< -o $@

# The same bytes each time: what stands where in memory moves some of the figures.
$(BENCH_LINUX)/initramfs: $(BENCH_LINUX)/init $(BENCH_LINUX)/tiny
	$(call say,CPIO,$@)
	@rm -rf $(@D)/root && mkdir $(@D)/root && cp $^ $(@D)/root && touch -d @0 $(@D)/root/*
	$(Q)cd $(@D)/root && printf '%s\n' $(^F) | \
	    cpio --quiet -o -H newc --reproducible -R 0:0 >../initramfs

$(BENCH_LINUX)/vmlinuz: bench/fetch-linux.sh
	$(call say,FETCH,$@)
	$(Q)sh bench/fetch-linux.sh $(@D)
bench-linux: $(BENCH_LINUX)/initramfs $(BENCH_LINUX)/vmlinuz
	@:

# ---- both ---------------------------------------------------------------------------------------

##@ make bench         measure capOS and Linux in the same machine; ONLY=capos leaves Linux out
BENCH_SIDES := $(if $(filter capos,$(ONLY)),capos,capos linux)
bench:
	$(Q)sh scripts/install-needs.sh build $(if $(filter linux,$(BENCH_SIDES)),bench)
	+$(Q)$(MAKE) $(BENCH_SIDES:%=bench-%)
	$(Q)sh bench/run.sh $(BENCH_SIDES)

##@ make bench-profile where the kernel spends its instructions, by function (METRIC=NAME, CPUS=4)
bench-profile: bench-capos
	$(Q)NM=$(NM) CPUS=$(CPUS) sh bench/profile.sh $(METRIC)
