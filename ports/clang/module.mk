# clang for capOS: the stock compiler, its configuration, the link step, and the names under which
# it is found. What it compiles against, the sysroot, is made by user/module.mk.

CAPOS_CC := $(BIN)/capos-cc
CLANG_TRIPLE := x86_64-unknown-capos

# capos-cc and capos-c++ for people, and for build systems of others the names that begin with the
# triple: those of the compiler, and those of LLVM's binary tools, which serve every ELF file.
CLANG_NAMES := capos-c++ $(addprefix $(CLANG_TRIPLE)-,clang clang++ cc c++)
LLVM_TOOLS := ar nm objcopy objdump ranlib readelf size strip
CLANG_LINKS := $(CLANG_NAMES:%=$(BIN)/%)
LLVM_LINKS := $(LLVM_TOOLS:%=$(BIN)/$(CLANG_TRIPLE)-%)

$(CAPOS_CC): ports/clang/capos-cc.sh $(BUILD)/libexec/capos-ld $(BUILD)/etc/$(CLANG_TRIPLE).cfg
	@mkdir -p $(@D) && install -m 755 $< $@
$(BUILD)/libexec/capos-ld: ports/clang/capos-ld.sh
	@mkdir -p $(@D) && install -m 755 $< $@
$(BUILD)/etc/$(CLANG_TRIPLE).cfg: targets/$(CLANG_TRIPLE).cfg
	@mkdir -p $(@D) && cp $< $@
$(CLANG_LINKS): $(CAPOS_CC)
	@ln -sfn capos-cc $@ && touch -h $@
$(LLVM_LINKS): $(BIN)/$(CLANG_TRIPLE)-%:
	@mkdir -p $(@D) && ln -sfn "$$(command -v llvm-$*-19)" $@

# What clang calls for arithmetic that x86-64 has no instruction for, __int128 and complex numbers
# among it: compiler-rt, as the distribution built it.
BUILTINS := $(SYSROOT)/lib/libbuiltins.a
$(BUILTINS):
	@mkdir -p $(@D) && cp "$$($(CC) --print-resource-dir)/lib/linux/libclang_rt.builtins-x86_64.a" $@

CAPOS_CC_NEEDS := $(CAPOS_CC) $(CLANG_LINKS) $(LLVM_LINKS) $(BUILTINS) $(SYSROOT)/.stamp \
    $(SYSROOT)/lib/libcapos.a $(SYSROOT)/lib/crt0.o
ALL += $(CAPOS_CC_NEEDS)
