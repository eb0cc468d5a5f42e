# The code generator. It makes the headers that everything else needs, so it is built without them,
# from the wire reader alone.
GENERATOR_SOURCES := core/wire.c $(sort $(wildcard tools/capnpc-capos/*.c))
SOURCES_capnpc_test := $(filter-out core/% %/main.c,$(GENERATOR_SOURCES))
GENERATOR_OBJECTS := $(call objects,generator,$(GENERATOR_SOURCES))

$(BUILD)/obj/generator/%.o: %.c $(MAKEFILE_LIST)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(host_CFLAGS) -MMD -MP -MJ $@.json -c $< -o $@

$(BIN)/capnpc-capos: $(GENERATOR_OBJECTS)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(GENERATOR_OBJECTS) -o $@

# ---- the golden file: an ABI change is a visible diff --------------------------------------------

GOLDEN_ABI := tests/golden/abi.txt
ABI_LAYOUT := $(BUILD)/tests/golden/layout

$(ABI_LAYOUT): $(call objects,host,tests/golden/layout.c)
	@mkdir -p $(@D)
	$(Q)$(CC) $^ -o $@

$(BUILD)/abi.txt: $(ABI_LAYOUT) $(GEN)/.stamp
	$(Q){ $(ABI_LAYOUT) && cat $(GEN)/abi.txt; } >$@

.PHONY: check-abi golden
check-abi: $(BUILD)/abi.txt
	@diff -u $(GOLDEN_ABI) $< || { echo 'the ABI has changed: if that is meant, bump' \
	    'CAPOS_ABI_VERSION where programs would notice, and run make golden' >&2; exit 1; }

##@ make golden        accept the ABI as it is now into tests/golden/abi.txt
golden: $(BUILD)/abi.txt
	@cp $< $(GOLDEN_ABI)
