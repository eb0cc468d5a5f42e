# Rust: core and alloc, built once from the distribution's source; the crate `capos`; capos-cargo;
# demos and tests. None of it is part of plain `make`: `make rust` and the tests ask for it.

RUSTC := /usr/bin/rustc
CARGO := /usr/bin/cargo
RUST_TARGET := x86_64-unknown-capos
RUST := $(SYSROOT)/rust
RUST_BUILD := $(BUILD)/rust
CAPOS_CARGO := $(BIN)/capos-cargo

# Cargo as the build runs it: nothing of the user's configuration, and no network.
RUST_ENVIRONMENT := CARGO_HOME='$(CURDIR)/$(RUST_BUILD)/cargo' CARGO_NET_OFFLINE=true
CARGO_QUIET := $(if $(filter 0,$(V)),--quiet)

# ---- the compiler's own crates ------------------------------------------------------------------

# Which compiler is there: another one makes everything anew.
$(RUST_BUILD)/compiler: FORCE
	$(Q)sh scripts/install-needs.sh build rust
	@mkdir -p $(@D) && $(RUSTC) -vV >$@.new && { cmp -s $@.new $@ || cp $@.new $@; }

# Cargo looks the libraries that core could be built with up, and finds them beside its source.
RUST_VENDORED := --config 'source.crates-io.replace-with="vendored"' \
    --config 'source.vendored.directory="/usr/lib/rustlib/src/rust/library/vendor"'
RUST_LIBRARIES := $(RUST)/lib/rustlib/$(RUST_TARGET)/lib

$(RUST_LIBRARIES)/.stamp: targets/$(RUST_TARGET).json $(RUST_BUILD)/compiler \
    $(wildcard user/rust/sysroot/* user/rust/sysroot/src/*)
	$(call say,RUST,core and alloc)
	@rm -rf $(RUST_BUILD)/sysroot $(@D) && mkdir -p $(@D)
	+$(Q)RUSTC=$(RUSTC) RUSTC_BOOTSTRAP=1 $(RUST_ENVIRONMENT) $(CARGO) build $(CARGO_QUIET) \
	    --release --locked --manifest-path user/rust/sysroot/Cargo.toml \
	    --target-dir $(RUST_BUILD)/sysroot --target targets/$(RUST_TARGET).json \
	    -Zbuild-std=core,alloc -Zjson-target-spec $(RUST_VENDORED)
	@cp targets/$(RUST_TARGET).json $(RUST)
	@cd $(RUST_BUILD)/sysroot/$(RUST_TARGET)/release/deps && \
	    cp libcore-*.rlib liballoc-*.rlib libcompiler_builtins-*.rlib $(CURDIR)/$(@D)
	@touch $@

# ---- the crates `capos` and `test`: our own, and part of the sysroot as core is -------------------

# $(call rust_library,NAME,SOURCE): one of them.
rust_library = RUSTC_BOOTSTRAP=1 $(RUSTC) --edition 2024 --crate-name $(1) --crate-type rlib \
    -Copt-level=2 -Cdebuginfo=line-tables-only --target targets/$(RUST_TARGET).json \
    -Zunstable-options --sysroot $(RUST) --remap-path-prefix=$(RUST_BUILD)=user/rust \
    -Dwarnings -o $@ $(2)

# Its own files, the clients from the schema, and what the C compiler says of the ABI.
$(RUST_BUILD)/capos/.stamp: $(GEN)/.stamp $(BUILD)/abi.txt user/rust/layout.awk \
    $(wildcard user/rust/capos/src user/rust/capos/src/*)
	@rm -rf $(@D) && mkdir -p $(@D) && cp -R user/rust/capos/src $(@D)
	@cp -R $(GEN)/rust $(@D)/src/generated
	@echo 'pub(crate) mod layout;' >>$(@D)/src/generated/mod.rs
	$(Q)awk -f user/rust/layout.awk $(BUILD)/abi.txt >$(@D)/src/generated/layout.rs
	@touch $@
$(RUST_LIBRARIES)/libcapos.rlib: $(RUST_BUILD)/capos/.stamp $(RUST_LIBRARIES)/.stamp
	$(call say,RUST,capos)
	+$(Q)$(call rust_library,capos,$(<D)/src/lib.rs)
$(RUST_LIBRARIES)/libtest.rlib: user/rust/test/src/lib.rs $(RUST_LIBRARIES)/libcapos.rlib
	$(call say,RUST,test)
	+$(Q)$(call rust_library,test,$<)

$(CAPOS_CARGO): user/rust/capos-cargo.sh \
    $(addprefix $(BUILD)/libexec/,capos-cargo-runner capos-rustdoc)
	@mkdir -p $(@D) && install -m 755 $< $@
$(BUILD)/libexec/capos-%: user/rust/capos-%.sh
	@mkdir -p $(@D) && install -m 755 $< $@

$(RUST)/.stamp: $(RUST_LIBRARIES)/libtest.rlib
	@touch $@
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
GUEST_TESTS += $(RUST_DEMO_ELFS) $(RUST_TEST_ELFS)

# Without rustfmt the test of the format tells.
.PHONY: rust-format
rust-format:
	@[ ! -x /usr/bin/rustfmt ] || /usr/bin/rustfmt user/rust/*/src/lib.rs tests/rust/src/lib.rs \
	    tests/rust/src/bin/*.rs demos/rust/*/src/main.rs

##@ make rust          Rust for capOS: core and alloc, the crate capos, capos-cargo, the demos
.PHONY: rust
rust: $(RUST_DEMO_ELFS) $(CAPOS_CARGO_NEEDS)
