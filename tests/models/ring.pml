/*
 * A ring: one thread with its program, a device and the timers on two other CPUs, and with KILL
 * somebody on a third who ends the process.
 *
 * What it stands for: core/ring.c, kernel/ring/enter.c, kernel/ring/operation*.c, and of
 * kernel/sched/ what wakes, continues and ends the thread. The comment of each step names the C
 * function. Queues are small, counters do not wrap, and what a step does under a lock that all its
 * readers take is one step.
 *
 * What holds, in every interleaving:
 *   - the completion queue never overflows, and no completion is dropped or overwritten unread;
 *   - each entry that was taken is answered exactly once; the program sees each answer once, whole;
 *   - a linked entry starts only after its predecessor has succeeded, and is cancelled only after it
 *     has failed; it does one of the two as soon as the predecessor is done, in the same cap_enter;
 *   - no wake-up of cap_enter is lost: there is no deadlock, though a program only waits for what
 *     it has submitted, and a wait without deadline ends with as many completions as it asked for;
 *   - a thread whose process has ended does not wait; after its own end nobody touches it, its
 *     records or its ring.
 *
 * Mutants, each of which must fail, are switches: see tests/models/module.mk.
 */
#ifndef ENTRIES
#define ENTRIES 3 /* submitted in all */
#endif
#define QUEUE 2 /* CAPOS_RING_COMPLETIONS, and places for submissions */
#define RECORDS 2 /* CAPOS_RING_IN_FLIGHT_MAX */
#define NONE 255

/* What an entry asks for. */
#define NOP 0    /* done inline */
#define BAD 1    /* refused inline */
#define READ 2   /* waits in a device's queue */
#define TIMED 3  /* the same with a deadline */
#define SLEEP 4  /* a deadline alone */
#define CANCEL 5 /* of the entry before the last one, or of the last one */

/* enum operation_state */
#define FREE 0
#define PREPARING 1
#define ARMED 2
#define CLAIMED 3

/* enum thread_state */
#define RUNNING 0
#define WAITING 1
#define READY 2

/* Deadlines of cap_enter. */
#define POLL 0
#define FINITE 1
#define FOREVER 2

/* The program's entries; an id is a position. What an entry says is chosen when it is taken: nobody
 * looks at it before. */
byte kind[ENTRIES];
bool link[ENTRIES];

/* struct capos_ring and struct ring_state; the published copies are the kernel's own. */
byte submission_tail, submission_head;
byte completion_tail, completion_head, completion_head_kernel;
byte reserved;
byte completions[QUEUE];

/* struct operation: the thread's pool, then its wait. */
byte state[RECORDS];
byte record_id[RECORDS];
bool queued[RECORDS];   /* in the device's queue, under object_lock */
bool in_timers[RECORDS]; /* under timers_lock */
byte wait_state;
bool wait_in_timers;

/* struct thread */
byte thread_state;
bool work_submit, work_end;
byte submit_left, wait_count, wait_deadline;
byte chain_operation = NONE;
bool chain_failed, chain_open;

bool ring_lock, object_lock, timers_lock;
bool process_lock, process_has_thread = true; /* struct process */

/* What only the properties know. */
byte answered[ENTRIES]; /* 0: not yet; 1: in the queue; 2: the program has seen it */
bool succeeded[ENTRIES];
byte enter_first; /* first entry that this cap_enter took */
bool destroyed;
bool killed; /* process_end has returned */

#ifdef TRACE
#define SAY(format, value) printf(format, value)
#else
#define SAY(format, value) skip
#endif

inline lock(word) {
    atomic { !word -> word = true }
}

inline unlock(word) {
    word = false
}

/* spinlock_unlock of a lock that is part of the thread. */
inline unlock_ring() {
    d_step { assert(!destroyed); ring_lock = false }
}

/* operation_claim */
inline claim(word, won) {
#ifdef MUTANT_CLAIM_IN_TWO_STEPS
    won = (word == ARMED);
    if
    :: won -> word = CLAIMED
    :: else
    fi
#else
    d_step {
        won = (word == ARMED);
        if
        :: won -> word = CLAIMED
        :: else
        fi
    }
#endif
}

/* ring_complete, under ring_lock */
inline ring_complete(id, ok) {
    d_step {
        assert(!destroyed);
        assert(reserved > 0);
        assert(completion_tail - completion_head_kernel < QUEUE);
        assert(answered[id] == 0);
        answered[id] = 1;
        succeeded[id] = ok;
        kind[id] = NOP;
        reserved--;
        SAY("complete %d\n", id)
    };
#ifdef MUTANT_TAIL_FIRST
    completion_tail++;
    completions[(completion_tail - 1) % QUEUE] = id
#else
    completions[completion_tail % QUEUE] = id;
    completion_tail++
#endif
}

/* release_record, under ring_lock */
inline release_record(r) {
    d_step {
        assert(!destroyed);
        assert(!queued[r] && !in_timers[r]);
        record_id[r] = NONE;
        state[r] = FREE
    }
}

/* ring_update_completion_head, then unacknowledged: ring_completion_count, under ring_lock */
inline ring_completion_count(count) {
    d_step {
        assert(!destroyed);
        completion_head_kernel = completion_head;
        count = completion_tail - completion_head_kernel;
        SAY("count %d\n", count)
    }
}

/* remove_deadline */
inline remove_deadline(word) {
    atomic { !timers_lock -> word = false }
}

/* thread_wake_locked */
inline thread_wake_locked() {
    if
    :: thread_state == WAITING -> thread_state = READY
    :: else
    fi
}

/* finish_wait, under ring_lock */
inline finish_wait(won) {
    claim(wait_state, won);
    if
    :: won ->
        remove_deadline(wait_in_timers);
        d_step { assert(!destroyed); wait_state = FREE; thread_wake_locked() }
    :: else
    fi
}

/* complete_in_ring, under ring_lock */
inline complete_in_ring(r, ok, id, is_chained, won) {
    atomic {
        id = record_id[r];
        is_chained = (chain_operation == r);
        release_record(r)
    };
    ring_complete(id, ok);
    if
    :: is_chained ->
        chain_operation = NONE;
        chain_failed = !ok
    :: else
    fi;
    ring_completion_count(id);
    if
#ifndef MUTANT_CHAIN_NOT_CONTINUED
    :: is_chained && wait_state == ARMED ->
        work_submit = true;
        finish_wait(won)
#endif
    :: else ->
        if
        :: id >= wait_count && chain_operation == NONE -> finish_wait(won)
        :: else
        fi
    fi;
    id = 0; is_chained = false; won = false
}

/* operation_complete, of an entry's record */
inline operation_complete(r, ok, id, is_chained, won) {
    remove_deadline(in_timers[r]); /* operation_drop_resources */
    lock(ring_lock);
    complete_in_ring(r, ok, id, is_chained, won);
    unlock_ring()
}

/* unlink_claimed: the record's unlink takes the object's lock */
inline unlink_claimed(r) {
#ifndef MUTANT_CANCEL_LEAVES_QUEUED
    atomic { !object_lock -> queued[r] = false }
#else
    skip
#endif
}

/* The device finds that an operation is done: pump_locked in kernel/cap/channel.c, a loop over
 * its queue under its lock. Claimed by others: they take it out of the queue. */
active proctype device() {
    byte r, id;
    bool ok, is_chained, won;
end:
    do
    :: atomic { !object_lock && (queued[0] || queued[1]) -> object_lock = true };
        if
        :: queued[0] -> r = 0
        :: queued[1] -> r = 1
        fi;
        claim(state[r], won);
        if
        :: won ->
            atomic {
                queued[r] = false; /* operation_queue_remove */
                if
                :: ok = true
                :: ok = false
                fi
            };
            operation_complete(r, ok, id, is_chained, won)
        :: else
        fi;
        atomic { object_lock = false; r = 0; ok = false; won = false }
    od
}

/* operation_expire_due on another CPU; deadlines are at no particular time, so any may be due. */
active proctype timers() {
    byte r, id;
    bool ok, is_chained, won;
end:
    do
    :: atomic { !timers_lock && (in_timers[0] || in_timers[1]) -> timers_lock = true };
        atomic { /* timer_queue_pop */
            if
            :: in_timers[0] -> r = 0
            :: in_timers[1] -> r = 1
            fi;
            in_timers[r] = false
        };
        claim(state[r], won);
        if
        :: won ->
            d_step {
                ok = (kind[record_id[r]] == SLEEP); /* deadline_is_success */
                timers_lock = false
            };
            unlink_claimed(r);
            operation_complete(r, ok, id, is_chained, won)
        :: else -> unlock(timers_lock)
        fi;
        d_step { r = 0; ok = false; won = false }
    :: atomic { !timers_lock && wait_in_timers -> timers_lock = true };
        wait_in_timers = false;
        claim(wait_state, won);
        unlock(timers_lock);
        if
        :: won ->
            /* operation_complete of the wait: what stands in the queue is the answer */
            lock(ring_lock);
            ring_completion_count(id);
            d_step { wait_state = FREE; thread_wake_locked(); id = 0; won = false };
            unlock_ring()
        :: else
        fi
    od
}

/* operation_arm: the record is filled in, and in the timers if it has a deadline */
inline operation_arm(r, has_deadline) {
    state[r] = ARMED;
    if
    :: has_deadline ->
        atomic {
            !timers_lock ->
            if
            :: state[r] == ARMED -> in_timers[r] = true
            :: else
            fi
        }
    :: else
    fi
}

/* take_record */
inline take_record(r, id) {
    atomic {
        !ring_lock ->
        if
        :: state[0] == FREE -> r = 0
        :: state[0] != FREE && state[1] == FREE -> r = 1
        :: else -> r = NONE
        fi;
        if
        :: r != NONE -> state[r] = PREPARING; record_id[r] = id
        :: else
        fi
    }
}

/* operation_give */
inline operation_give(r) {
    atomic { !ring_lock -> release_record(r) }
}

/* operation_cancel: the walk over the pool is under ring_lock, a claim may be lost meanwhile */
inline operation_cancel(found) {
    lock(ring_lock);
    found = NONE;
    if
    :: record_id[0] == target ->
        claim(state[0], won);
        if
        :: won -> found = 0
        :: else
        fi
    :: else
    fi;
    if
    :: found == NONE && record_id[1] == target ->
        claim(state[1], won);
        if
        :: won -> found = 1
        :: else
        fi
    :: else
    fi;
    unlock_ring();
    if
    :: found != NONE ->
        unlink_claimed(found);
        operation_complete(found, false, id, is_chained, won)
    :: else
    fi
}

/* run_entry: sets outcome and complete */
inline run_entry(e, r) {
    complete = true;
    outcome = true;
    if
    :: kind[e] == NOP
    :: kind[e] == BAD -> outcome = false
    :: kind[e] == CANCEL ->
        operation_cancel(found);
        d_step { outcome = (found != NONE); found = 0; target = 0 }
    :: kind[e] == SLEEP -> /* timer_invoke_sleep */
        complete = false;
        operation_arm(r, true)
    :: kind[e] == READ || kind[e] == TIMED -> /* channel.c: queued and armed under its lock */
        complete = false;
        lock(object_lock);
        queued[r] = true;
        operation_arm(r, kind[e] == TIMED);
        unlock(object_lock)
    fi
}

/* submit_entry */
inline submit_entry(e) {
    complete = true;
    outcome = true;
    if
    :: chain_open && chain_failed -> /* cancelled */
        d_step {
            assert(e > enter_first && link[e - 1]);
            assert(answered[e - 1] != 0 && !succeeded[e - 1]);
            outcome = false
        }
    :: else ->
        assert(e == enter_first || !link[e - 1] ||
               (answered[e - 1] != 0 && succeeded[e - 1]));
        take_record(r, e);
        if
        :: r == NONE -> outcome = false /* busy */
        :: else ->
#ifdef MUTANT_CHAIN_SET_LATE
            run_entry(e, r);
            chain_operation = (link[e] && !complete -> r : NONE);
#else
            chain_operation = (link[e] -> r : NONE);
            run_entry(e, r);
#endif
            if
            :: complete -> chain_operation = NONE; operation_give(r)
            :: else
            fi
        fi
    fi;
    if
    :: complete ->
        atomic {
            !ring_lock -> /* submit_entry */
            chain_failed = !outcome;
            ring_complete(e, outcome)
        }
    :: else
    fi;
    d_step { chain_open = link[e]; complete = false; outcome = false; r = 0 }
}

#ifdef MUTANT_NO_PROMISE
#define PROMISED 0
#else
#define PROMISED reserved
#endif

/* ring_take, under ring_lock: e is NONE when empty or full */
inline ring_take(e) {
    d_step {
        completion_head_kernel = completion_head;
        if
        :: submission_tail == submission_head -> e = NONE; SAY("take empty%c\n", ' ')
        :: else ->
            if
            :: completion_tail - completion_head_kernel + PROMISED >= QUEUE ->
                e = NONE; SAY("take full%c\n", ' ')
            :: else ->
                e = submission_head;
                submission_head++;
                reserved++;
                SAY("take %d\n", e)
            fi
        fi
    }
}

/* What the program wrote into the entry. The last one's link has no meaning. */
inline choose(e) {
    if
    :: kind[e] = NOP
#ifndef NO_BAD
    :: kind[e] = BAD
#endif
    :: kind[e] = READ
#ifndef NO_TIMED
    :: kind[e] = TIMED
#endif
    :: kind[e] = SLEEP
    :: e > 0 -> kind[e] = CANCEL; target = e - 1
    :: e > 1 -> kind[e] = CANCEL; target = e - 2
    fi;
    if
    :: e + 1 < ENTRIES -> link[e] = true
    :: link[e] = false
    fi
}

/* submit_entries */
inline submit_entries() {
    do
    :: submit_left > 0 && chain_operation == NONE ->
        atomic { !ring_lock -> ring_take(e) };
        if
        :: e == NONE -> submit_left = 0; break
        :: else ->
            atomic {
                submit_left--;
                if
                :: enter_first == NONE -> enter_first = e
                :: else
                fi;
                choose(e)
            };
            submit_entry(e)
        fi
    :: else -> break
    od;
    e = 0
}

/* ring_enter_continue and wait_for_completions: until the thread waits or has its answer */
inline ring_enter_continue() {
    do
    :: submit_entries();
#ifdef MUTANT_COUNT_WITHOUT_LOCK
        ring_completion_count(count);
        lock(ring_lock);
#else
        lock(ring_lock);
#endif
        if
        :: submit_left > 0 && chain_operation == NONE -> unlock_ring()
        :: else ->
#ifndef MUTANT_COUNT_WITHOUT_LOCK
            ring_completion_count(count);
#endif
            if
            :: (count >= wait_count && chain_operation == NONE) || wait_deadline == POLL ->
                unlock_ring();
                /* ring_close_chain_locked */
                atomic {
                    !ring_lock -> chain_operation = NONE; chain_open = false; submit_left = 0
                };
                break
#ifndef MUTANT_WORK_NOT_LOOKED_AT
            :: !((count >= wait_count && chain_operation == NONE) || wait_deadline == POLL) &&
                    work_end ->
                unlock_ring(); /* still running: that comes first */
                break
#endif
            :: else ->
                assert(!killed); /* nobody would wake it */
                thread_state = WAITING;
                wait_state = ARMED; /* operation_arm */
                if
                :: wait_deadline == FINITE ->
                    atomic { !timers_lock -> wait_in_timers = true }
                :: else
                fi;
                unlock_ring();
                break
            fi
        fi
    od;
    count = 0
}

/* cap_enter: enter_ring, then what scheduler_pick does with the thread until it is back */
inline cap_enter() {
    d_step { chain_open = false; chain_failed = false; enter_first = NONE }; /* enter_ring */
    chain_operation = NONE; /* without a lock */
    ring_enter_continue();
    do
    :: thread_state == RUNNING && work_end -> goto end_of_thread /* do_work */
    :: thread_state == RUNNING && !work_end && !work_submit -> break
    :: thread_state == RUNNING && !work_end && work_submit ->
        work_submit = false;
        ring_enter_continue()
    :: atomic { thread_state == READY -> thread_state = RUNNING } /* switch_in */
    od;
    skip;
    d_step {
        enter_first = 0;
        assert(wait_deadline != FOREVER ||
               (completion_tail - completion_head >= wait_count && chain_operation == NONE &&
                submit_left == 0));
        wait_deadline = 0;
        wait_count = 0;
        chain_open = false;
        chain_failed = false
    }
}

/* end_record */
inline end_record(r) {
    claim(state[r], won);
    if
    :: won ->
        unlink_claimed(r);
        remove_deadline(in_timers[r]); /* operation_drop_resources */
        operation_give(r)
    :: else -> state[r] != CLAIMED
    fi;
    won = false
}

/* thread_reap: operation_cancel_all, then leave */
inline thread_reap() {
    end_record(0);
    end_record(1);
    claim(wait_state, won);
    if
    :: won -> /* killed while it waited */
        remove_deadline(wait_in_timers);
        atomic { !ring_lock -> wait_state = FREE } /* operation_give */
    :: else -> wait_state != CLAIMED
    fi;
#ifndef MUTANT_END_WITHOUT_LOCK
    /* Whoever completed the last one may hold the ring's lock still. */
    atomic { !ring_lock -> skip };
#endif
    atomic { !process_lock -> process_has_thread = false };
    destroyed = true
}

/* The program moves submission_tail. */
inline submit() {
    d_step { SAY("submit %d\n", submission_tail); submission_tail++ }
}

/* The program reads the oldest completion and moves completion_head. */
inline acknowledge() {
    d_step {
        e = completions[completion_head % QUEUE];
        assert(e < ENTRIES && answered[e] == 1);
        answered[e] = 2;
        completions[completion_head % QUEUE] = NONE; /* whoever shows it again is caught */
        SAY("acknowledge %d\n", e);
        completion_head++;
        e = 0
    }
}

#ifdef KILL
/* process_end on another CPU, with process->lock, which leave takes after it has ended all
 * operations: then thread_post_work. */
active proctype killer() {
    if
    :: true ->
        process_lock = true;
        if
        :: process_has_thread ->
            work_end = true;
            lock(ring_lock);
            d_step { assert(!destroyed); thread_wake_locked() };
            d_step { killed = true; ring_lock = false };
        :: else
        fi;
        process_lock = false
    :: true
    fi
}
#endif

active proctype program() {
    byte e, r, id, count, found, target;
    bool complete, outcome, is_chained, won;
    atomic {
        record_id[0] = NONE; record_id[1] = NONE;
        completions[0] = NONE; completions[1] = NONE
    };
    do
    :: submission_tail < ENTRIES && submission_tail - submission_head < QUEUE -> submit()
    :: completion_tail != completion_head -> acknowledge()
    :: atomic { submission_tail != completion_head -> /* there is something to wait for */
            submit_left = submission_tail - submission_head;
            if
            :: submit_left > 1 -> submit_left = 1
            :: skip
            fi;
            if
            :: wait_count = 0
            :: wait_count = 1
            :: submission_head + submit_left - completion_head > 1 -> wait_count = 2
            fi;
            if /* more than it has submitted it waits for in vain */
            :: wait_count > submission_head + submit_left - completion_head -> wait_count = 0
            :: else
            fi;
            if
            :: wait_deadline = POLL
            :: wait_deadline = FINITE
            :: wait_deadline = FOREVER
            fi
        };
        cap_enter()
    :: completion_head == ENTRIES -> break /* all is answered, and nothing else stands there */
    :: submission_tail == ENTRIES -> break /* exit in the middle of it */
    od;
    assert(completion_head != ENTRIES || (reserved == 0 && completion_tail == ENTRIES));
end_of_thread:
    thread_reap()
}
