# capOS: one non-recursive build. `make help` lists the targets, V=1 shows the commands.
#
# Each folder says in its module.mk what it contributes; everything that is made lands in build/.

MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
SHELL := /bin/sh

BUILD := build
GEN := $(BUILD)/gen
BIN := $(BUILD)/bin
SYSROOT := $(BUILD)/sysroot

CC := clang-19
LD := ld.lld-19
AR := llvm-ar-19
NM := llvm-nm-19
OBJCOPY := llvm-objcopy-19
CLANG_FORMAT := clang-format-19
CAPNP := capnp

V ?= 0
ifeq ($(V),0)
Q := @
say = @printf '  %-8s %s\n' '$(1)' '$(patsubst $(BUILD)/%,%,$(2))'
else
Q :=
say = @:
endif

.PHONY: all
all: # set below; first so that plain `make` builds

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
    -Wno-unused-parameter -Werror
# Nothing of the machine may stay in the output: paths are relative to the tree.
REPRODUCIBLE := -ffile-prefix-map=$(CURDIR)=. -fdebug-compilation-dir=. -no-canonical-prefixes
COMMON_CFLAGS := -std=c17 -g -I. -Iinclude -I$(GEN)/include $(WARNINGS) $(REPRODUCIBLE)

# A flavour is a way of compiling the same sources: objects go to build/obj/FLAVOUR/.
TARGET_CFLAGS := $(COMMON_CFLAGS) -O2 -ffreestanding -fno-pic -fno-omit-frame-pointer \
    -mno-omit-leaf-frame-pointer -ffunction-sections -fdata-sections -fcf-protection=none \
    -fno-stack-protector -nostdlibinc
kernel_CFLAGS := $(TARGET_CFLAGS) --target=x86_64-unknown-none-elf -mcmodel=kernel -mno-red-zone \
    -mgeneral-regs-only -flto -I$(GEN)/kernel -DCAPOS_KERNEL
user_CFLAGS := $(TARGET_CFLAGS) --target=x86_64-unknown-capos -mcmodel=small \
    -ftls-model=local-exec -D__capos__=1 -Iuser/libcapos/include
host_CFLAGS := $(COMMON_CFLAGS) -O2 -D_GNU_SOURCE -I$(GEN)/host
test_CFLAGS := $(COMMON_CFLAGS) -O1 -D_GNU_SOURCE -fno-omit-frame-pointer -DCAPOS_SLOW_ASSERTS \
    -fsanitize=address,undefined -fno-sanitize-recover=all -I$(GEN)/host
fuzz_CFLAGS := $(test_CFLAGS) -fsanitize=fuzzer-no-link

# $(call objects,FLAVOUR,SOURCES): the objects of these sources in that flavour.
objects = $(patsubst %,$(BUILD)/obj/$(1)/%.o,$(basename $(2)))

# Every compilation needs the generated headers, but for the generator itself (flavour host, listed
# in GENERATOR_OBJECTS), which is built from core/wire.c alone.
define flavour
$(BUILD)/obj/$(1)/%.o: %.c $(MAKEFILE_LIST) $(GEN)/.stamp
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	$(Q)$(CC) $$($(1)_CFLAGS) $$(CFLAGS_$$<) -MMD -MP -MJ $$@.json -c $$< -o $$@
$(BUILD)/obj/$(1)/%.o: %.S $(MAKEFILE_LIST) $(GEN)/.stamp
	$$(call say,AS,$$@)
	@mkdir -p $$(@D)
	$(Q)$(CC) $$($(1)_CFLAGS) -MMD -MP -c $$< -o $$@
endef
$(foreach f,kernel user host test fuzz,$(eval $(call flavour,$(f))))

# The modules. Each may add to: ALL (what `make` builds), HOST_TESTS (programs for `make check`),
# GUEST_TESTS (ELF files for `make test`), FORMAT_DIRS, CLEAN-free outputs under build/ only.
ALL :=
HOST_TESTS :=
GUEST_TESTS :=
include core/module.mk
include tools/capnpc-capos/module.mk
include tools/capos/module.mk
include kernel/module.mk
include ports/clang/module.mk
include user/module.mk
include ports/rust/module.mk
include demos/module.mk
include tests/module.mk
include tests/models/module.mk
include bench/module.mk
include scripts/module.mk

all: $(ALL) compile_commands.json

# ---- the schema -----------------------------------------------------------------------------

SCHEMAS := $(sort $(wildcard schema/*.capnp))
$(GEN)/.stamp: $(SCHEMAS) $(BIN)/capnpc-capos
	$(call say,SCHEMA,$(SCHEMAS))
	@rm -rf $(GEN) && mkdir -p $(GEN)
	$(Q)$(CAPNP) compile -Ischema --src-prefix=schema -o$(CURDIR)/$(BIN)/capnpc-capos:$(GEN) $(SCHEMAS)
	@touch $@

# ---- for editors ----------------------------------------------------------------------------

compile_commands.json: $(ALL)
	@{ echo '['; find $(BUILD)/obj -name '*.o.json' -exec cat {} + | sed '$$s/,$$//'; echo ']'; } >$@

.PHONY: help clean
help:
	@sed -n 's/^##@ //p' $(MAKEFILE_LIST)
##@ make               build everything: kernel, libcapos, programs, build/capos
##@ make clean         remove build/
clean:
	rm -rf $(BUILD) compile_commands.json

-include $(shell [ -d $(BUILD)/obj ] && find $(BUILD)/obj -name '*.d')
