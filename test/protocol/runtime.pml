/*
 * The protocol of one version's folder: environments, the manifest that names the active one, the history that says
 * where undo goes, and who uses what. Two processes install, go back and forward, and tidy up; each may be killed between
 * any two steps, and the power may go at any of them.
 *
 * Each rule can be taken out by a define, and then one of the invariants falls:
 *   WITHOUT_LOCK     two processes change the folder at once
 *   WITHOUT_SYNC     the manifest is renamed before the environment is on the disk
 *   WITHOUT_HISTORY  undo goes to the first environment that was installed over the active one
 *   WITHOUT_USE      what a daemon runs from is removed too
 *   MANIFEST_FIRST   the manifest is renamed before the environment is finished
 */
#ifndef ENVS
#define ENVS 3
#endif
#ifndef CHANGES
#define CHANGES 5
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef CUTS
#define CUTS 1
#endif
#define LINES CHANGES
#define NONE 15

#define TIDY 0
#define INSTALL 1
#define UNDO 2

/* A run that is followed step by step is killed only where the program can be, and daemons wait until nobody has the lock. */
#ifdef TRACE
#define TIDY_POINT skip
#define MAY_START holder == NONE
#define TELL(what, which) printf("@ "); printf(#what); printf(" %d %d %d", which, inForce, targetNow); for (k : 0 .. ENVS - 1) { printf(" %d", there[k]) } printf("\n")
#else
#define TIDY_POINT POINT
#define MAY_START true
#define TELL(what, which) skip
#endif

#ifdef WITHOUT_USE
#define MAY_GO(which) true
#else
#define MAY_GO(which) !used[which]
#endif

bool there[ENVS];    /* its folder exists */
bool finished[ENVS]; /* and everything in it was written */
bool safe[ENVS];     /* and is on the disk */
bool used[ENVS];     /* a daemon runs from it */
byte over[ENVS];     /* what it was installed over */
byte made[ENVS];     /* the order in which they were made */
byte left[ENVS];     /* not known to the program: what the last switch to it left behind */

byte inForce = NONE;  /* what the manifest says */
byte kept = NONE;    /* what it says after a power cut */
bool isInstalled;    /* a runtime has answered */

byte lineTo[LINES];
byte lineBack[LINES];
byte lines;

byte holder = NONE;
byte changes = CHANGES;
byte kills = KILLS;
byte cuts = CUTS;
byte boots;
byte births;
byte targetNow = NONE;

/* Where undo goes from the active environment: `found`. */
inline findTarget() {
  found = NONE;
#ifdef WITHOUT_HISTORY
  for (i : 0 .. ENVS - 1) {
    if
    :: found == NONE && there[i] && finished[i] && i != inForce && over[i] == inForce -> found = i
    :: else
    fi
  }
  if
  :: found == NONE && inForce != NONE && over[inForce] != NONE && there[over[inForce]] && finished[over[inForce]] -> found = over[inForce]
  :: else
  fi;
#else
  isPast = (inForce == NONE);
  i = lines;
  do
  :: i == 0 || found != NONE -> break
  :: else ->
    i--;
    isPast = isPast || lineTo[i] == inForce;
    if
    :: isPast && lineTo[i] != inForce && there[lineTo[i]] && finished[lineTo[i]] -> found = lineTo[i]
    :: isPast && (lineTo[i] == inForce || !there[lineTo[i]] || !finished[lineTo[i]]) && lineBack[i] != NONE && lineBack[i] != inForce ->
      if
      :: there[lineBack[i]] && finished[lineBack[i]] -> found = lineBack[i]
      :: else
      fi
    :: else
    fi
  od;
  /* What no line leads to, newest first. */
  if
  :: found == NONE ->
    for (i : 0 .. ENVS - 1) {
      if
      :: i != inForce && there[i] && finished[i] && (found == NONE || made[i] > made[found]) -> found = i
      :: else
      fi
    }
  :: else
  fi;
#endif
  i = 0
}

inline powerCut() {
  cuts--;
  boots++;
  holder = NONE;
  if
  :: true -> inForce = kept
  :: true -> kept = inForce
  fi;
  for (i : 0 .. ENVS - 1) {
    used[i] = false;
    if
    :: there[i] && !safe[i] -> finished[i] = false
    :: else
    fi
  }
  i = 0;
  assert(inForce == NONE || finished[inForce]);
  assert(!isInstalled || inForce != NONE)
}

/* Whoever lived when the power went does nothing more. */
#define ALIVE if :: boots != boot -> goto begin :: else fi

/* Between two steps. A killed process lets go of its lock: the system holds it. */
#define POINT \
  atomic { \
    ALIVE; \
    if \
    :: true \
    :: kills > 0 -> kills--; if :: holder == _pid -> holder = NONE :: else fi; goto begin \
    :: cuts > 0 -> powerCut(); goto begin \
    fi \
  }

inline take() {
#ifndef WITHOUT_LOCK
  atomic {
    holder == NONE || boots != boot;
    if
    :: boots != boot -> goto begin
    :: else -> holder = _pid
    fi
  }
#else
  skip
#endif
}

inline release() {
  if
  :: holder == _pid -> holder = NONE
  :: else
  fi
}

inline remember(to, from) {
  lineTo[lines] = to;
  lineBack[lines] = from;
  lines++
}

inline activate(to) {
  left[to] = (inForce == to -> left[to] : inForce);
  inForce = to;
  assert(there[inForce] && finished[inForce])
}

inline sync(which) {
#ifndef WITHOUT_SYNC
  safe[which] = true
#else
  skip
#endif
}

proctype worker() {
  byte i, k, it, found, before, deed, switched;
  byte boot;
  bool isPast;
begin:
  skip;
  d_step { boot = boots; i = 0; k = 0; it = 0; found = NONE; before = NONE; isPast = false; deed = TIDY; switched = 0 }
  do
  :: changes == 0 -> break

  :: atomic { changes > 0 -> changes-- }; /* install */
    take();
    POINT;
    atomic {
      ALIVE;
      it = NONE;
      for (i : 0 .. ENVS - 1) {
        if
        :: it == NONE && !there[i] -> it = i
        :: else
        fi
      }
      i = 0;
      if
      :: it == NONE -> release(); goto begin
      :: else -> there[it] = true; finished[it] = false; safe[it] = false; over[it] = inForce; births++;
        made[it] = births;
        findTarget();
        before = (inForce == NONE -> found : inForce);
        TELL(begin, it)
      fi
    }
    POINT;
#ifdef MANIFEST_FIRST
    atomic { ALIVE; inForce = it; assert(finished[inForce]) }
    POINT;
#endif
    atomic { ALIVE; finished[it] = true; findTarget(); targetNow = found; TELL(finished, it) }
    POINT;
    atomic { ALIVE; sync(it) }
    POINT;
    atomic { ALIVE; remember(it, before); findTarget(); targetNow = found; TELL(written, it) }
    POINT;
    atomic { ALIVE; activate(it) }
    TIDY_POINT;
    atomic { ALIVE; kept = inForce; isInstalled = true; deed = INSTALL; switched = it };
    goto tidy

  :: atomic { changes > 0 && inForce != NONE -> changes-- }; /* undo and redo */
    take();
    POINT;
    atomic {
      ALIVE;
      findTarget();
      it = found;
      before = inForce;
      if
      :: it == NONE || inForce == NONE -> release(); goto begin
      :: else -> assert(left[inForce] == NONE || !there[left[inForce]] || !finished[left[inForce]] || it == left[inForce])
      fi
    }
    POINT;
    /* Proves itself first, which needs it whole. */
    atomic { ALIVE; sync(it) }
    POINT;
    atomic { ALIVE; remember(it, before); activate(it) }
    TIDY_POINT;
    atomic { ALIVE; kept = inForce; isInstalled = true; deed = UNDO; switched = it };
    goto tidy

  :: atomic { changes > 0 -> changes-- }; /* tidy, as every switch does at its end */
    deed = TIDY;
    take();
    POINT;
tidy:
    atomic { ALIVE; findTarget(); before = inForce; it = 0 }
    do
    :: it == ENVS -> break
    :: else ->
      TIDY_POINT;
      atomic {
        ALIVE;
        if
        :: there[it] && it != before && it != found && (before != NONE || !finished[it]) && MAY_GO(it) ->
          assert(!used[it]);
          assert(it != inForce);
          there[it] = false; finished[it] = false; safe[it] = false
        :: else
        fi;
        it++
      }
    od;
    atomic {
      ALIVE;
      findTarget();
      targetNow = found;
      if
      :: deed == TIDY -> TELL(tidy, 0)
      :: deed == INSTALL -> TELL(install, switched)
      :: deed == UNDO -> TELL(undo, switched)
      fi;
      release()
    }
  od
}

/* Projects start and stop daemons whenever they like. */
proctype daemons() {
  byte k;
  do
  :: atomic { MAY_START && inForce != NONE && !used[inForce] && changes > 0 -> used[inForce] = true; TELL(use, inForce) }
  :: atomic { MAY_START && changes > 0 && inForce != NONE && used[inForce] -> used[inForce] = false; TELL(leave, inForce) }
  :: changes == 0 -> break
  od
}

init {
  byte i;
  atomic {
    for (i : 0 .. ENVS - 1) { over[i] = NONE; left[i] = NONE }
    run worker();
    run worker();
    run daemons()
  }
}
