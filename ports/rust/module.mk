# Rust: core and alloc, built once from the distribution's source; the crate `capos`; capos-cargo;
# demos and tests. None of it is part of plain `make`: `make rust` and tests in Rust ask for it.

RUSTC := /usr/bin/rustc
CARGO := /usr/bin/cargo
RUST_TARGET := x86_64-unknown-capos
RUST_KERNEL_TARGET := x86_64-unknown-none
# The code model of the kernel is the target's own. Without a "plt" the calls of soft-float would go
# through a table of addresses instead, which the kernel does not have.
RUST_KERNEL_FLAGS := -Crelocation-model=static -Zplt=yes
RUST := $(SYSROOT)/rust
comma := ,
RUST_BUILD := $(BUILD)/rust
CAPOS_CARGO := $(BIN)/capos-cargo

# Cargo as the build runs it: nothing of the user's configuration, and no network.
RUST_ENVIRONMENT := CARGO_HOME='$(CURDIR)/$(RUST_BUILD)/cargo' CARGO_NET_OFFLINE=true
CARGO_QUIET := $(if $(filter 0,$(V)),--quiet)

# ---- the compiler's own crates ------------------------------------------------------------------

# Which compiler is there, and its flags: another one makes everything anew.
$(RUST_BUILD)/compiler: FORCE
	$(Q)sh scripts/install-needs.sh build rust
	@mkdir -p $(@D) && { $(RUSTC) -vV && echo '$(RUST_KERNEL_FLAGS)'; } >$@.new && \
	    { cmp -s $@.new $@ || cp $@.new $@; }

# Cargo looks the libraries that core could be built with up, and finds them beside its source.
RUST_VENDORED := --config 'source.crates-io.replace-with="vendored"' \
    --config 'source.vendored.directory="/usr/lib/rustlib/src/rust/library/vendor"'

# $(call rust_core,NAME,TARGET,CRATES,FLAGS): these crates for a target, into the sysroot.
define rust_core
$(RUST)/lib/rustlib/$(1)/lib/.stamp: $(filter %.json,$(2)) $(RUST_BUILD)/compiler \
    $(wildcard ports/rust/sysroot/* ports/rust/sysroot/src/*)
	$$(call say,RUST,$(1))
	@rm -rf $(RUST_BUILD)/core/$(1) $$(@D) && mkdir -p $$(@D)
	+$$(Q)RUSTC=$(RUSTC) RUSTC_BOOTSTRAP=1 RUSTFLAGS='$(4)' $(RUST_ENVIRONMENT) \
	    $(CARGO) build $(CARGO_QUIET) --release --locked \
	    --manifest-path ports/rust/sysroot/Cargo.toml --target-dir $(RUST_BUILD)/core/$(1) \
	    --target $(2) -Zbuild-std=$(3) -Zjson-target-spec $(RUST_VENDORED)
	@cp $(RUST_BUILD)/core/$(1)/$(1)/release/deps/lib*.rlib $$(@D)
	@rm -rf $(RUST_BUILD)/core/$(1) $$(@D)/libsysroot-*.rlib && touch $$@
endef
$(eval $(call rust_core,$(RUST_TARGET),targets/$(RUST_TARGET).json,core$(comma)alloc,))
$(eval $(call rust_core,$(RUST_KERNEL_TARGET),$(RUST_KERNEL_TARGET),core,\
    $(RUST_KERNEL_FLAGS) -Copt-level=1 -Cdebuginfo=0))
RUST_LIBRARIES := $(RUST)/lib/rustlib/$(RUST_TARGET)/lib

# ---- the crates `capos` and `test`: our own, and part of the sysroot as core is ------------------

# $(call rust_library,NAME,SOURCE): one of them.
rust_library = RUSTC_BOOTSTRAP=1 $(RUSTC) --edition 2024 --crate-name $(1) --crate-type rlib \
    -Copt-level=2 -Cdebuginfo=line-tables-only --target targets/$(RUST_TARGET).json \
    -Zunstable-options --sysroot $(RUST) --remap-path-prefix=$(CURDIR)=. \
    --remap-path-prefix=$(RUST_BUILD)=ports/rust -Dwarnings -o $@ $(2)

# Its own files, the clients from the schema, and what the C compiler says of the ABI.
$(RUST_BUILD)/capos/.stamp: $(GEN)/.stamp $(BUILD)/abi.txt ports/rust/layout.awk \
    $(wildcard ports/rust/capos/src ports/rust/capos/src/*)
	@rm -rf $(@D) && mkdir -p $(@D) && cp -R ports/rust/capos/src $(@D)
	@cp -R $(GEN)/rust $(@D)/src/generated
	@echo 'pub(crate) mod layout;' >>$(@D)/src/generated/mod.rs
	$(Q)awk -f ports/rust/layout.awk $(BUILD)/abi.txt >$(@D)/src/generated/layout.rs
	@touch $@
$(RUST_LIBRARIES)/libcapos.rlib: $(RUST_BUILD)/capos/.stamp $(RUST_LIBRARIES)/.stamp \
    ports/rust/module.mk
	$(call say,RUST,capos)
	+$(Q)$(call rust_library,capos,$(<D)/src/lib.rs)
$(RUST_LIBRARIES)/libtest.rlib: ports/rust/test/src/lib.rs $(RUST_LIBRARIES)/libcapos.rlib
	$(call say,RUST,test)
	+$(Q)$(call rust_library,test,$<)

$(CAPOS_CARGO): ports/rust/capos-cargo.sh \
    $(addprefix $(BUILD)/libexec/,capos-cargo-runner capos-rustdoc)
	@mkdir -p $(@D) && install -m 755 $< $@
$(BUILD)/libexec/capos-%: ports/rust/capos-%.sh
	@mkdir -p $(@D) && install -m 755 $< $@

$(RUST)/.stamp: $(RUST_LIBRARIES)/libtest.rlib
	@cp targets/$(RUST_TARGET).json $(@D) && touch $@
CAPOS_CARGO_NEEDS := $(CAPOS_CARGO) $(RUST)/.stamp $(CAPOS_CC_NEEDS)

# ---- programs -----------------------------------------------------------------------------------

# demos/rust/NAME becomes build/demos/rust/NAME.elf, and tests/rust/src/bin/NAME.rs becomes
# build/tests/rust/NAME.elf. Cargo knows what is to be done, and is asked each time something here
# has changed: a folder, too, where a file was renamed.
RUST_DEMOS := $(patsubst demos/rust/%/Cargo.toml,%,$(sort $(wildcard demos/rust/*/Cargo.toml)))
RUST_TESTS := $(basename $(notdir $(sort $(wildcard tests/rust/src/bin/*.rs))))
RUST_DEMO_ELFS := $(RUST_DEMOS:%=$(BUILD)/demos/rust/%.elf)
RUST_TEST_ELFS := $(RUST_TESTS:%=$(BUILD)/tests/rust/%.elf)

# $(call rust_programs,FOLDER,NAMES)
define rust_programs
$(RUST_BUILD)/$(1)/.stamp: $(shell find $(1)/rust) $(CAPOS_CARGO_NEEDS)
	$$(call say,CARGO,$(1)/rust)
	+$$(Q)$(RUST_ENVIRONMENT) $(CAPOS_CARGO) build $(CARGO_QUIET) --release --locked \
	    --manifest-path $(1)/rust/Cargo.toml --target-dir $$(@D)
	@touch $$@
$(2:%=$(BUILD)/$(1)/rust/%.elf): $(BUILD)/$(1)/rust/%.elf: $(RUST_BUILD)/$(1)/.stamp
	@mkdir -p $$(@D) && cp $$(<D)/$(RUST_TARGET)/release/$$* $$@
endef
$(eval $(call rust_programs,demos,$(RUST_DEMOS)))
$(eval $(call rust_programs,tests,$(RUST_TESTS)))

# ---- a program in C, C++ and Rust, for a test ----------------------------------------------------

LANGUAGES := $(BUILD)/tests/rust/languages.elf
LANGUAGES_ARCHIVE := $(RUST_BUILD)/languages/$(RUST_TARGET)/release/liblanguages.a
$(LANGUAGES_ARCHIVE): $(shell find tests/languages) $(CAPOS_CARGO_NEEDS)
	$(call say,CARGO,tests/languages)
	+$(Q)$(RUST_ENVIRONMENT) $(CAPOS_CARGO) build $(CARGO_QUIET) --release --locked \
	    --manifest-path tests/languages/Cargo.toml --target-dir $(RUST_BUILD)/languages
	@touch $@
$(LANGUAGES): $(call objects,program,$(wildcard $(addprefix tests/languages/*.,c cc S)) \
    tests/guest/signal_storm/storm.S) $(LANGUAGES_ARCHIVE)
	$(call say,PROGRAM,$@)
	@mkdir -p $(@D)
	$(Q)$(CAPOS_CC) $^ -o $@
RUST_TEST_ELFS += $(LANGUAGES)

# ---- a kernel that calls Rust, for a test --------------------------------------------------------

KERNEL_RUST := $(BUILD)/capos-kernel-rust.elf
KERNEL_RUST_ARCHIVE := $(RUST_BUILD)/kernel/librust_test.a
$(KERNEL_RUST_ARCHIVE): tests/kernel/rust.rs ports/rust/module.mk \
    $(RUST)/lib/rustlib/$(RUST_KERNEL_TARGET)/lib/.stamp
	$(call say,RUST,$@)
	@mkdir -p $(@D)
	+$(Q)RUSTC_BOOTSTRAP=1 $(RUSTC) --edition 2024 --crate-name rust_test --crate-type staticlib \
	    -Copt-level=2 --target $(RUST_KERNEL_TARGET) $(RUST_KERNEL_FLAGS) --sysroot $(RUST) \
	    -Dwarnings -o $@ $<
$(eval $(call kernel_program,$(KERNEL_RUST),rust,tests/kernel/rust.c,\
    --wrap=init_process_start $(KERNEL_RUST_ARCHIVE)))
$(KERNEL_RUST) $(BUILD)/kernel/rust-0.elf: $(KERNEL_RUST_ARCHIVE)

# Without rustfmt the test of the format tells.
.PHONY: rust-format
rust-format:
	@[ ! -x /usr/bin/rustfmt ] || /usr/bin/rustfmt ports/rust/*/src/lib.rs tests/*/src/lib.rs \
	    tests/rust/src/bin/*.rs demos/rust/*/src/main.rs tests/kernel/*.rs

##@ make rust          Rust for capOS: core and alloc, the crate capos, capos-cargo, the demos
.PHONY: rust rust-tests
rust: $(RUST_DEMO_ELFS) $(CAPOS_CARGO_NEEDS)
# What the tests with "rust" in their names run.
rust-tests: rust $(RUST_TEST_ELFS) $(KERNEL_RUST)
