# Models for Spin: tests/models/NAME.pml. Each is searched whole, and with each of its mutants, which
# are switches in it, something must be found wrong.

SPIN := spin
MODEL_CC := gcc
MODELS := $(BUILD)/models

# A run is NAME or NAME-WHAT: the switches with which NAME.pml has to hold.
MODEL_RUNS := ring ring-deadlines ring-kill park park-look park-reuse park-requeue
SWITCHES_ring := -DENTRIES=3 -DNO_TIMED -DNO_BAD
SWITCHES_ring-deadlines := -DENTRIES=2
SWITCHES_ring-kill := -DENTRIES=2 -DKILL -DNO_TIMED -DNO_BAD
SWITCHES_park := -DWAITS=2 -DMAPS=1
SWITCHES_park-look := -DWAITS=1 -DMAPS=1 -DLOOK
SWITCHES_park-requeue := -DWAITS=2 -DMAPS=1 -DREQUEUE
SWITCHES_park-reuse := -DWAITS=1 -DMAPS=1 -DREUSE

MODEL_MUTANTS_ring := claim-in-two-steps tail-first no-promise count-without-lock chain-set-late \
    chain-not-continued cancel-leaves-queued end-without-lock \
    work-not-looked-at
MODEL_MUTANTS_park := claim-in-two-steps claimed-after-removal armed-before-insertion \
    announced-late no-fence word-read-before-lock mapping-lock-dropped key-without-generation \
    bucket-cleared-first no-drain drain-remembers-waiter \
    drain-trusts-bucket bucket-not-looked-at-again \
    place-not-looked-at-again recalled-before-lock lock-only-for-queued not-forgotten \
    queued-looked-at-late version-not-looked-at
# With which switches, where they are not these.
$(foreach name,$(MODEL_MUTANTS_ring),$(eval SWITCHES_ring/$(name) := -DENTRIES=2))
$(foreach name,$(MODEL_MUTANTS_park),$(eval SWITCHES_park/$(name) := $(SWITCHES_park)))
SWITCHES_ring/work-not-looked-at := $(SWITCHES_ring-kill)
SWITCHES_ring/no-promise := $(SWITCHES_ring)
SWITCHES_park/version-not-looked-at := $(SWITCHES_park-look)
SWITCHES_park/drain-trusts-bucket := $(SWITCHES_park-requeue)
SWITCHES_park/bucket-not-looked-at-again := $(SWITCHES_park-requeue)
SWITCHES_park/claimed-after-removal := $(SWITCHES_park-reuse)
MODEL_MUTANTS := $(MODEL_MUTANTS_ring:%=ring/%) $(MODEL_MUTANTS_park:%=park/%)

##@ make model         search the models of ring and park, and their mutants
.PHONY: model $(MODEL_RUNS:%=model-%) $(MODEL_MUTANTS:%=mutant-%)
model:
	@for program in $(SPIN) $(MODEL_CC); do command -v $$program >/dev/null || { \
	    echo "make model needs $$program: apt-get install -y spin gcc" >&2; exit 1; }; done
	@$(MAKE) -j2 -k $(MODEL_RUNS:%=model-%) $(MODEL_MUTANTS:%=mutant-%)

$(MODEL_RUNS:%=model-%): model-%:
	@SPIN=$(SPIN) CC=$(MODEL_CC) sh tests/models/search.sh holds $* $(MODELS)/$* \
	    tests/models/$(firstword $(subst -, ,$*)).pml $(SWITCHES_$*)
$(MODEL_MUTANTS:%=mutant-%): mutant-%:
	@SPIN=$(SPIN) CC=$(MODEL_CC) sh tests/models/search.sh fails $* $(MODELS)/mutants/$* \
	    tests/models/$(*D).pml $(SWITCHES_$*) \
	    -DMUTANT_$(shell echo $(*F) | tr a-z- A-Z_)

# Runs that Spin chose at random, step by step; tests/host/model_replay_test.c does the same with
# core/. Tracked, so that the test needs no Spin.
##@ make model-traces  write tests/models/traces anew
.PHONY: model-traces
model-traces:
	@SPIN=$(SPIN) sh tests/models/trace.sh tests/models/traces
