/*
 * Parking on a word: two waiters, two wakers, one who unmaps the page and maps it anew, and one who
 * ends waits of the first waiter as a deadline, CANCEL or the thread's end does.
 *
 * What it stands for: core/park_queue.h, whose Rules say who takes which lock and in which order,
 * and the operations of kernel/ring/operation.c. The comment of each step names the C function, or
 * the rule where the function is the kernel's PARK, UNPARK or unmap. There is one word and so one
 * bucket, with REQUEUE two of each; wakers have a store buffer of one store, as x86 has.
 *
 * What holds, in every interleaving:
 *   - no wake-up is lost: when nothing moves any more, who is parked waits on memory that is still
 *     there and whose word still has the value that was checked;
 *   - a stale generation is never honoured: who is woken waits on the memory that UNPARK meant;
 *   - after unmap has returned, nobody waits on what was unmapped, nor reads it;
 *   - each wait ends exactly once: woken, timed out, cancelled or memory gone;
 *   - who is queued has a place in the index, and a record is left alone from its end on.
 *
 * Mutants, each of which must fail, are switches: see tests/models/module.mk.
 */
#ifndef WAITS
#define WAITS 2 /* of each waiter */
#endif
#ifndef MAPS
#define MAPS 1 /* the page is unmapped and mapped so often */
#endif
#define NOBODY 2
#define NO_BUCKET 2
#define NO_PLACE 2

/* enum operation_state */
#define FREE 0
#define ARMED 1
#define CLAIMED 2

/* The page: its region record, and the word on it. */
bool mapped = true;
bool given_back; /* its frame may be somebody else's */
byte generation;
bool word; /* 0 is what waiters wait on */
bool remembered; /* struct word_page, and its generation */
byte remembered_generation;
#ifdef LOOK
byte version; /* of struct word_page */
#endif
bool store_buffer[2];

/* struct operation with its struct park_waiter, one for each waiter */
byte state[2];
byte key_generation[2];
bool in_bucket[2];  /* under bucket_lock */
byte place[2];      /* under index_lock, the word's number; the waiter itself reads it without */
byte bucket_of[2];  /* park_waiter_bucket: read without a lock */
byte first;         /* of those in the bucket: who came first */
byte announced[2];  /* struct park_bucket: read without the lock */

bool mapping_lock, bucket_lock[2], index_lock;

/* What only the properties know. */
byte ended[2];
bool is_other[2]; /* it does not park */
bool is_gone[2];  /* the memory of the record is something else by now */

#ifdef TRACE
#define SAY(format, value) printf(format, value)
#else
#define SAY(format, value) skip
#endif

/* For a trace, programs go on and on. */
#ifdef TRACE
#define GIVE_UP goto next_wait
#define PAUSE do :: skip :: skip :: skip :: skip :: skip :: break od
#else
#define GIVE_UP break
#define PAUSE skip
#endif

inline lock(which) {
    atomic { !which -> which = true }
}

inline unlock(which) {
    which = false
}

/* operation_claim */
inline claim(i, won) {
#ifdef MUTANT_CLAIM_IN_TWO_STEPS
    won = (state[i] == ARMED);
    if
    :: won -> state[i] = CLAIMED
    :: else
    fi
#else
    d_step {
        won = (state[i] == ARMED);
        if
        :: won -> state[i] = CLAIMED
        :: else
        fi
    }
#endif
}

/* operation_complete, of who has claimed it */
inline operation_complete(i) {
    d_step {
        assert(state[i] == CLAIMED);
        assert(!in_bucket[i] && bucket_of[i] == NO_BUCKET && !is_gone[i]);
        assert(ended[i] == 0);
        ended[i]++;
        state[i] = FREE
    }
}

/* park_queue_find, under bucket_lock */
inline park_queue_find(bucket, wanted, i) {
    d_step {
        i = first;
#ifdef MUTANT_KEY_WITHOUT_GENERATION
        if
        :: bucket_of[i] != bucket -> i = 1 - i
        :: else
        fi;
        if
        :: bucket_of[i] != bucket -> i = NOBODY
        :: else
        fi;
#else
        if
        :: bucket_of[i] != bucket || key_generation[i] != wanted -> i = 1 - i
        :: else
        fi;
        if
        :: bucket_of[i] != bucket || key_generation[i] != wanted -> i = NOBODY
        :: else
        fi;
#endif
        SAY("find %d", wanted);
        SAY(" %d\n", i)
    }
}

/* park_index_put and park_index_remove, under index_lock */
inline park_index_put(i, number) {
    d_step { place[i] = number; SAY("put %d\n", i) }
}

inline park_index_remove(i) {
    d_step { place[i] = NO_PLACE; SAY("lose %d\n", i) }
}

/* park_queue_insert, under bucket_lock; its announcement was made before */
inline park_queue_insert(i, with_generation) {
    d_step {
        assert(!in_bucket[i] && place[i] == 0 && bucket_of[i] == NO_BUCKET);
        in_bucket[i] = true;
        if
        :: !in_bucket[1 - i] -> first = i
        :: else
        fi;
        key_generation[i] = with_generation;
        SAY("insert %d", i);
        SAY(" %d\n", with_generation)
    };
    bucket_of[i] = 0
}

/* park_queue_remove, under bucket_lock. Whose record it is has claimed it, and waits for it to
 * leave. */
inline park_queue_remove(i) { /* its caller has a variable bucket */
    bucket = bucket_of[i];
    assert(bucket != NO_BUCKET && bucket_lock[bucket]);
#ifdef MUTANT_BUCKET_CLEARED_FIRST
    bucket_of[i] = NO_BUCKET;
#endif
    d_step {
        assert(state[i] == CLAIMED && in_bucket[i] && !is_gone[i]);
        in_bucket[i] = false;
        first = 1 - i
    };
    bucket_of[i] = NO_BUCKET;
    d_step { announced[bucket]--; SAY("remove %d\n", i); bucket = 0 }
}

/* park_queue_requeue to the other word, under both bucket locks and index_lock */
inline park_queue_requeue(i) {
    d_step {
        announced[1]++;
        first = (in_bucket[1 - i] -> 1 - i : i)
    };
    bucket_of[i] = 1;
    park_index_put(i, 1);
    announced[0]--
}

/* The word, through what was remembered or looked up. */
inline read_word() {
    d_step { assert(!given_back); value = word }
}

/* insert_if_expected, under bucket_lock; retracts what was announced when it does not insert */
inline insert_if_expected(i, with_generation) {
    if
    :: value ->
        d_step {
            announced[0]--; /* park_queue_retract */
            SAY("retract%c\n", ' ')
        }
    :: else ->
        ended[i] = 0;
#ifdef MUTANT_ARMED_BEFORE_INSERTION
        state[i] = ARMED;
        park_queue_insert(i, with_generation)
#else
        park_queue_insert(i, with_generation);
        state[i] = ARMED /* operation_arm */
#endif
    fi
}

/* In one step each: core/word_pages.h orders what they store, and its host test has the order. */
inline word_pages_forget() {
    d_step {
#ifdef LOOK
        if
        :: remembered -> version++
        :: else
        fi;
#endif
        remembered = false
    }
}

inline word_pages_remember() {
    remembered = true; /* it was not: what is forgotten raised the version */
    remembered_generation = generation
}

/* PARK: the rule in core/park_queue.h */
proctype waiter(byte i) {
    bool value, known;
    byte waits = 0, seen;
#ifdef LOOK
    bool is_real;
#endif
    do
    :: waits < WAITS ->
next_wait:
        waits++;
        /* park_again: the waiter has its place there by now */
        if
        :: place[i] == 0 ->
#ifdef MUTANT_RECALLED_BEFORE_LOCK
            d_step { known = remembered; seen = remembered_generation };
#endif
            lock(bucket_lock[0]);
            d_step { announced[0]++; SAY("announce%c\n", ' ') };
#ifndef MUTANT_RECALLED_BEFORE_LOCK
#ifdef MUTANT_PLACE_NOT_LOOKED_AT_AGAIN
            d_step { known = remembered; seen = remembered_generation }; /* recall */
#else
            known = (place[i] == 0);
            d_step { known = known && remembered; seen = remembered_generation }; /* recall */
#endif
#endif
            if
            :: known ->
                read_word();
                insert_if_expected(i, seen);
                unlock(bucket_lock[0]);
                if
                :: value -> GIVE_UP
                :: else -> goto end_parked
                fi
            :: else ->
                d_step {
                    announced[0]--; /* park_queue_retract */
                    SAY("retract%c\n", ' ');
                    bucket_lock[0] = false
                }
            fi
        :: else
        fi;
#ifdef LOOK
        /* has_changed, which takes no lock */
        d_step { known = remembered; seen = version }; /* word_pages_find */
        if
        :: known ->
            d_step { is_real = !given_back; value = word || given_back };
#ifdef MUTANT_VERSION_NOT_LOOKED_AT
            seen = version;
#endif
            if
            :: value && version == seen -> assert(is_real); GIVE_UP /* word_place_is_current */
            :: else
            fi
        :: else
        fi;
#endif
        lock(mapping_lock);
        if
        :: !mapped -> unlock(mapping_lock); GIVE_UP /* badAddress */
        :: else
        fi;
        d_step { /* find_word */
            if
            :: remembered -> seen = remembered_generation
            :: else -> seen = generation; word_pages_remember()
            fi
        };
#ifdef MUTANT_MAPPING_LOCK_DROPPED
        unlock(mapping_lock);
#endif
        if
        :: place[i] != 0 ->
            lock(index_lock);
            park_index_put(i, 0);
            unlock(index_lock)
        :: else
        fi;
#ifdef MUTANT_WORD_READ_BEFORE_LOCK
        read_word();
#endif
        lock(bucket_lock[0]);
#ifndef MUTANT_ANNOUNCED_LATE
        d_step { announced[0]++; SAY("announce%c\n", ' ') }; /* park_queue_announce */
#endif
#ifndef MUTANT_WORD_READ_BEFORE_LOCK
        read_word();
#endif
#ifdef MUTANT_ANNOUNCED_LATE
        announced[0]++;
#endif
        insert_if_expected(i, seen);
        unlock(bucket_lock[0]);
#ifndef MUTANT_MAPPING_LOCK_DROPPED
        unlock(mapping_lock);
#endif
        if
        :: value -> GIVE_UP
        :: else
        fi;
end_parked:
        ended[i] == 1 /* in cap_enter until operation_complete */
    :: else -> break
    od;
#ifdef REUSE
    /* The record serves another operation. */
    if
    :: ended[i] == 1 ->
        atomic { ended[i] = 0; is_other[i] = true; state[i] = ARMED };
        ended[i] == 1 || state[i] == ARMED;
        d_step {
            if
            :: state[i] == ARMED -> state[i] = FREE
            :: else
            fi
        }
    :: else
    fi;
#endif
    state[i] == FREE; /* operation_cancel_all waits for that */
    /* park_leave */
    if
    :: place[i] != NO_PLACE ->
        lock(index_lock);
        park_index_remove(i);
        unlock(index_lock)
    :: else
    fi;
    is_gone[i] = true
}

/* The program sets the word, then UNPARK of all: the rule in core/park_queue.h */
proctype waker(byte k) {
    byte i, bucket, wanted, collected;
    bool won;
#ifdef TRACE
    byte unparks; /* and the word does not stay set, so that there is more to see */
again:
    word = false;
    PAUSE;
#endif
    store_buffer[k] = true;
#ifndef MUTANT_NO_FENCE
    !store_buffer[k]; /* the fence in park_queue_is_idle */
#endif
    atomic { /* park_queue_is_idle */
        SAY("idle %d\n", announced[0] == 0);
        if
        :: announced[0] == 0 -> goto done
        :: else
        fi
    };
    if
    :: atomic { remembered -> wanted = remembered_generation } /* recall */
    :: atomic { /* park_find_key */
        !mapping_lock ->
        if
        :: mapped -> wanted = generation
        :: else -> goto done /* badAddress */
        fi
    }
    fi;
#ifdef TRACE
    PAUSE; /* so that it is stale now and then */
#endif
    lock(bucket_lock[0]);
    do
    :: park_queue_find(0, wanted, i);
        if
        :: i == NOBODY -> break
        :: else
        fi;
#ifdef MUTANT_CLAIMED_AFTER_REMOVAL
        d_step { in_bucket[i] = false; first = 1 - i };
        bucket_of[i] = NO_BUCKET;
        announced[0]--;
        claim(i, won);
        assert(!won || !is_other[i]);
#else
        claim(i, won);
        assert(!won || (key_generation[i] == wanted && wanted == generation));
        assert(!won || !is_other[i]);
        park_queue_remove(i);
#endif
        if
        :: won ->
            collected = collected | (1 << i)
        :: else
        fi
    od;
    unlock(bucket_lock[0]);
    i = 0;
    do
    :: i < 2 ->
        if
        :: (collected >> i) & 1 -> operation_complete(i) /* woken */
        :: else
        fi;
        i++
    :: else -> break
    od;
done:
#ifdef TRACE
    atomic { unparks++; i = 0; collected = 0; wanted = 0; won = false };
    if
    :: unparks < UNPARKS -> goto again
    :: else
    fi
#else
    skip
#endif
}

#ifdef REQUEUE
/* Sends all who wait to the second word, whose bucket is another, and then wakes all there:
 * the rules in core/park_queue.h. */
proctype requeuer() {
    byte i, bucket, wanted, collected;
    bool won;
    lock(mapping_lock);
    if
    :: !mapped -> unlock(mapping_lock); goto done
    :: else -> wanted = generation
    fi;
    lock(bucket_lock[0]);
    lock(bucket_lock[1]);
    do
    :: park_queue_find(0, wanted, i);
        if
        :: i == NOBODY -> break
        :: else
        fi;
        lock(index_lock);
        park_queue_requeue(i);
        unlock(index_lock)
    od;
    unlock(bucket_lock[1]);
    unlock(bucket_lock[0]);
    unlock(mapping_lock);
    lock(bucket_lock[1]);
    do
    :: park_queue_find(1, wanted, i);
        if
        :: i == NOBODY -> break
        :: else
        fi;
        claim(i, won);
        park_queue_remove(i);
        collected = (won -> collected | (1 << i) : collected)
    od;
    unlock(bucket_lock[1]);
    i = 0;
    do
    :: i < 2 ->
        if
        :: (collected >> i) & 1 -> operation_complete(i)
        :: else
        fi;
        i++
    :: else -> break
    od;
done:
    skip
}
#endif

/* Stores leave the buffer when they like. One to a page that is not there faults. */
active proctype store_buffers() {
end:
    do
    :: d_step { store_buffer[0] -> store_buffer[0] = false; word = (mapped -> true : word) }
    :: d_step { store_buffer[1] -> store_buffer[1] = false; word = (mapped -> true : word) }
    od
}

/* park_index_first: any of them, since both words are of one page */
inline park_index_first(i) {
    if
    :: place[0] != NO_PLACE -> i = 0
    :: place[1] != NO_PLACE -> i = 1
    :: place[0] == NO_PLACE && place[1] == NO_PLACE -> i = NOBODY
    fi;
    SAY("places %d\n", i != NOBODY)
}

#define park_waiter_lock(i) (bucket_of[i] != NO_BUCKET -> bucket_of[i] : place[i])

/* space_unmap with park_drain_range, then space_map */
proctype unmapper() {
    byte i, bucket, wanted, collected, maps;
    bool won, queued;
#ifdef MUTANT_LOCK_ONLY_FOR_QUEUED
    bool held;
#endif
    do
    :: maps < MAPS ->
        lock(mapping_lock);
        mapped = false; /* space_collect_pages or mark_dying */
#ifndef MUTANT_NOT_FORGOTTEN
        word_pages_forget();
#endif
        do
#ifdef MUTANT_NO_DRAIN
        :: break
#endif
        ::
            atomic { /* first_bucket */
                !index_lock -> park_index_first(i);
                if
                :: i == NOBODY -> break
                :: else -> assert(!is_gone[i]); wanted = park_waiter_lock(i)
                fi
            };
#ifdef MUTANT_LOCK_ONLY_FOR_QUEUED
            held = (bucket_of[i] != NO_BUCKET);
            if
            :: held -> lock(bucket_lock[wanted])
            :: else
            fi;
#else
            lock(bucket_lock[wanted]);
#endif
            lock(index_lock); /* take_first_place */
#ifndef MUTANT_DRAIN_REMEMBERS_WAITER
            atomic { park_index_first(i) };
#endif
            if
            :: i == NOBODY -> unlock(index_lock)
#if !defined(MUTANT_DRAIN_TRUSTS_BUCKET) && !defined(MUTANT_DRAIN_REMEMBERS_WAITER)
            :: i != NOBODY && park_waiter_lock(i) != wanted -> unlock(index_lock) /* start over */
            :: i != NOBODY && park_waiter_lock(i) == wanted ->
#else
            :: else ->
#endif
                d_step { assert(!is_gone[i]); queued = (bucket_of[i] != NO_BUCKET) };
                park_index_remove(i);
                unlock(index_lock);
#ifdef MUTANT_QUEUED_LOOKED_AT_LATE
                d_step { assert(!is_gone[i]); queued = (bucket_of[i] != NO_BUCKET) };
#endif
                if
                :: queued ->
                    claim(i, won);
                    park_queue_remove(i);
                    collected = (won -> collected | (1 << i) : collected)
                :: else
                fi
            fi;
#ifdef MUTANT_LOCK_ONLY_FOR_QUEUED
            if
            :: held -> unlock(bucket_lock[wanted])
            :: else
            fi;
#else
            unlock(bucket_lock[wanted]);
#endif
            d_step { wanted = 0; queued = false }
        od;
        skip;
        d_step { /* take_away_and_unlock goes on */
            i = 0;
            assert(!(in_bucket[0] && key_generation[0] == generation));
            assert(!(in_bucket[1] && key_generation[1] == generation));
            assert(!(state[0] == ARMED && key_generation[0] == generation &&
                     bucket_of[0] != NO_BUCKET));
            assert(!(state[1] == ARMED && key_generation[1] == generation &&
                     bucket_of[1] != NO_BUCKET));
            given_back = true;
            mapping_lock = false
        };
        do
        :: i < 2 ->
            if
            :: (collected >> i) & 1 -> operation_complete(i) /* memory gone */
            :: else
            fi;
            i++
        :: else -> break
        od;
        skip;
        d_step { i = 0; collected = 0; won = false; maps++ };
        atomic { /* space_map */
            !mapping_lock -> mapped = true; generation++; word = false; given_back = false
        };
        PAUSE
#ifndef TRACE
    :: maps < MAPS -> break
#endif
    :: else -> break
    od
}

/* Ends a wait from elsewhere: operation_expire_due, operation_cancel, end_record. */
proctype ender(byte i) {
    byte bucket, wanted = NO_BUCKET;
    bool won;
end:
    do
    :: state[i] == ARMED ->
        claim(i, won);
        if
        :: won ->
            do
            :: wanted = bucket_of[i]; /* park_waiter_bucket */
                if
                :: wanted == NO_BUCKET -> break
                :: else
                fi;
                lock(bucket_lock[wanted]);
#ifndef MUTANT_BUCKET_NOT_LOOKED_AT_AGAIN
                if
                :: bucket_of[i] == wanted ->
#else
                if
                :: bucket_of[i] != NO_BUCKET ->
#endif
                    park_queue_remove(i)
                :: else
                fi;
                unlock(bucket_lock[wanted])
            od;
            operation_complete(i)
        :: else
        fi;
        won = false
    od
}

init {
    atomic {
        bucket_of[0] = NO_BUCKET;
        bucket_of[1] = NO_BUCKET;
        place[0] = NO_PLACE;
        place[1] = NO_PLACE;
        run waiter(0);
        run waiter(1);
        run waker(0);
#ifdef REQUEUE
        run requeuer();
#else
        run waker(1);
#endif
        run unmapper()
#ifndef NO_ENDERS
        ; run ender(0)
#endif
    };
    /* Nothing moves any more. */
    timeout;
    assert(!(state[0] == ARMED) || (mapped && key_generation[0] == generation && !word));
    assert(!(state[1] == ARMED) || (mapped && key_generation[1] == generation && !word));
    assert(state[0] != CLAIMED && state[1] != CLAIMED);
    assert(!mapping_lock && !bucket_lock[0] && !bucket_lock[1] && !index_lock);
    assert(announced[0] + announced[1] == in_bucket[0] + in_bucket[1])
}
