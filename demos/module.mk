# The demos: the sources in demos/c/NAME/ become build/demos/NAME.elf, those in
# demos/cpp/NAME/ build/demos/cpp/NAME.elf. Nothing is listed here.

DEMOS := $(patsubst demos/c/%/,%,$(sort $(wildcard demos/c/*/)))
DEMO_ELFS := $(DEMOS:%=$(BUILD)/demos/%.elf)
$(foreach demo,$(DEMOS),$(eval $(call program,\
    $(BUILD)/demos/$(demo).elf,$(wildcard demos/c/$(demo)/*.[cS]))))

CXX_DEMOS := $(patsubst demos/cpp/%/,%,$(sort $(wildcard demos/cpp/*/)))
CXX_DEMO_ELFS := $(CXX_DEMOS:%=$(BUILD)/demos/cpp/%.elf)
$(foreach demo,$(CXX_DEMOS),$(eval $(call program,\
    $(BUILD)/demos/cpp/$(demo).elf,$(wildcard demos/cpp/$(demo)/*.cc))))
ALL += $(DEMO_ELFS) $(CXX_DEMO_ELFS)
