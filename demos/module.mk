# The demos: the sources in demos/c/NAME/ become build/demos/NAME.elf. Nothing is listed here.

DEMOS := $(patsubst demos/c/%/,%,$(sort $(wildcard demos/c/*/)))
DEMO_ELFS := $(DEMOS:%=$(BUILD)/demos/%.elf)
$(foreach demo,$(DEMOS),$(eval $(call program,\
    $(BUILD)/demos/$(demo).elf,$(wildcard demos/c/$(demo)/*.[cS]))))
ALL += $(DEMO_ELFS)
