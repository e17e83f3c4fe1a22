----------------------------- MODULE ShredSweep -----------------------------
(***************************************************************************)
(* Forget and sweep: what keys/forget.py, keys/confirm.py, keys/sweep.py,  *)
(* ops/backup.py and ops/restore.py do, one call to Vault, to the store or *)
(* to a backup place at a time, in any order, with crashes in between.     *)
(*                                                                         *)
(* One Vault root, three records: "a" is destroyed, "b" shares its key     *)
(* page and lives, "c" is collected meanwhile. The message that brought    *)
(* "a" may come again at any time. Left out: the second and third root and *)
(* the ingest keys' root (each is swept by the same steps), several sweeps *)
(* of one root at once (the epoch decides; tests/keys has that), and what  *)
(* a certificate checks beyond the ledger's word.                          *)
(*                                                                         *)
(* The five switches are the lines of the protocol that this is about.     *)
(* With all of them TRUE both properties hold; each one alone taken out    *)
(* gives a counterexample.                                                 *)
(***************************************************************************)
EXTENDS Naturals, FiniteSets, TLC

CONSTANTS
  MaxVersion,   \* root versions that Vault may get to: one more than sweeps
  Places,       \* backup places for key-page snapshots
  Fence,        \* a destroyed record leaves a tombstone, and a restore replays the ledger
  FrozenSet,    \* a sweep certifies what was forgotten before its rotation only
  Confirm,      \* a writer reads the root's version after its insert
  CopyFirst,    \* the snapshot is written before the trim
  AllPlaces,    \* ... to every place
  Backups,      \* whether there is a data backup, and a restore from it
  Arrivals      \* which messages the writer may get: "a" (delivered again), "c"

VARIABLES
  latest, avail, dec,     \* Vault: newest, oldest kept, oldest accepted version
  pages,                  \* the live key pages
  old,                    \* every copy that was ever stored anywhere of a page with a key of "a"
  recs,                   \* where a record's key lies; "none": no record, "dead": tombstone
  ever,                   \* <<page, record>>: whose key on that page encrypted something
  ledger,
  step, base, target, frozen, hand,      \* the sweep
  snap,                   \* the snapshots at each place
  fpc, fhand, fver,       \* the forgetting
  wrec, wpc, wver,        \* the writer
  bpc, brecs, bpages,     \* the data backup: first records, then pages
  restored

vars == <<latest, avail, dec, pages, old, recs, ever, ledger, step, base, target, frozen, hand, snap,
          fpc, fhand, fver, wrec, wpc, wver, bpc, brecs, bpages, restored>>
vault == <<latest, avail, dec>>
sweeping == <<step, base, target, frozen, hand>>
forgetting == <<fpc, fhand, fver>>
writing == <<wrec, wpc, wver>>
backing == <<bpc, brecs, bpages, restored>>

Records == {"a", "b", "c"}
PageIds == {"p", "q"}
\* The code compares a counter before it writes a page. Here the page itself: its version only grows and its slots only
\* become fewer, so it is never the same again after a change.
None == [ver |-> 0, slots |-> {}]
Copy(id, page) == [page |-> id, ver |-> page.ver, slots |-> page.slots]
Trace(id, page) == IF "a" \in page.slots THEN {[page |-> id, ver |-> page.ver]} ELSE {}
There(id) == pages[id].ver > 0
Living(r) == recs[r] \in PageIds
Named(id) == \E r \in Records : recs[r] = id

Init ==
  /\ latest = 1 /\ avail = 1 /\ dec = 1
  /\ pages = [p |-> [ver |-> 1, slots |-> {"a", "b"}], q |-> None]
  /\ old = Trace("p", pages["p"])
  /\ recs = [a |-> "p", b |-> "p", c |-> "none"]
  /\ ever = {<<"p", "a">>, <<"p", "b">>}
  /\ ledger = [r \in Records |-> "none"]
  /\ step = "idle" /\ base = 0 /\ target = 0 /\ frozen = {} /\ hand = None
  /\ snap = [x \in Places |-> {}]
  /\ fpc = "idle" /\ fhand = None /\ fver = 0
  /\ wrec = "none" /\ wpc = "idle" /\ wver = 0
  /\ bpc = "none" /\ brecs = {} /\ bpages = {} /\ restored = FALSE

Store(id, page) ==
  /\ pages' = [pages EXCEPT ![id] = page]
  /\ old' = old \cup Trace(id, page)

(* ------------------------------ the writer ------------------------------ *)

WriterWraps ==
  /\ wpc = "idle"
  /\ \E r \in Arrivals : wrec' = r
  /\ wver' = latest /\ wpc' = "wrapped"
  /\ UNCHANGED <<vault, pages, old, recs, ever, ledger, sweeping, snap, forgetting, backing>>

WriterInserts ==
  /\ wpc = "wrapped"
  /\ Store("q", [ver |-> wver, slots |-> {wrec}])
  /\ wpc' = IF Confirm THEN "inserted" ELSE "confirmed"
  /\ UNCHANGED <<vault, recs, ever, ledger, sweeping, snap, forgetting, wrec, wver, backing>>

WriterConfirms ==
  /\ wpc = "inserted"
  /\ IF latest > wver THEN wver' = latest /\ wpc' = "again" ELSE wver' = wver /\ wpc' = "confirmed"
  /\ UNCHANGED <<vault, pages, old, recs, ever, ledger, sweeping, snap, forgetting, wrec, backing>>

WriterMovesUp ==
  /\ wpc = "again"
  /\ IF pages["q"].ver < wver   \* also where a sweeper has removed it
     THEN Store("q", [ver |-> wver, slots |-> {wrec}])
     ELSE UNCHANGED <<pages, old>>
  /\ wpc' = "inserted"
  /\ UNCHANGED <<vault, recs, ever, ledger, sweeping, snap, forgetting, wrec, wver, backing>>

WriterInsertsRecord ==
  /\ wpc = "confirmed"
  /\ IF recs[wrec] = "none"
     THEN recs' = [recs EXCEPT ![wrec] = "q"] /\ ever' = ever \cup {<<"q", wrec>>}
     ELSE UNCHANGED <<recs, ever>>
  /\ wpc' = "done"
  /\ UNCHANGED <<vault, pages, old, ledger, sweeping, snap, forgetting, wrec, wver, backing>>

Writer == WriterWraps \/ WriterInserts \/ WriterConfirms \/ WriterMovesUp \/ WriterInsertsRecord
\* A writer that crashes is one that takes no further step.

(* ---------------------------- the forgetting ---------------------------- *)

Orders ==     \* the ledger entry comes first
  /\ fpc = "idle" /\ Living("a") /\ ledger["a"] = "none"
  /\ ledger' = [ledger EXCEPT !["a"] = "pending"]
  /\ fpc' = "open"
  /\ UNCHANGED <<vault, pages, old, recs, ever, sweeping, snap, fhand, fver, writing, backing>>

ReadsPage ==
  /\ fpc = "open"
  /\ LET id == recs["a"] IN
     IF ~Living("a") \/ "a" \notin pages[id].slots
     THEN fpc' = "removed" /\ fhand' = None
     ELSE pages[id].ver >= dec /\ fpc' = "read" /\ fhand' = pages[id]
  /\ UNCHANGED <<vault, pages, old, recs, ever, ledger, sweeping, snap, fver, writing, backing>>

WrapsNewKey ==
  /\ fpc = "read" /\ fver' = latest /\ fpc' = "wrapped"
  /\ UNCHANGED <<vault, pages, old, recs, ever, ledger, sweeping, snap, fhand, writing, backing>>

Replaces ==
  /\ fpc = "wrapped"
  /\ LET id == recs["a"] IN
     IF pages[id] = fhand /\ fhand.ver <= fver
     THEN Store(id, [ver |-> fver, slots |-> fhand.slots \ {"a"}]) /\ fpc' = "removed"
     ELSE UNCHANGED <<pages, old>> /\ fpc' = "open"
  /\ UNCHANGED <<vault, recs, ever, ledger, sweeping, snap, fhand, fver, writing, backing>>

Erases ==
  /\ fpc = "removed"
  /\ recs' = [recs EXCEPT !["a"] = IF Fence THEN "dead" ELSE "none"]
  /\ fpc' = "erased"
  /\ UNCHANGED <<vault, pages, old, ever, ledger, sweeping, snap, fhand, fver, writing, backing>>

Forgotten ==
  /\ fpc = "erased"
  /\ ledger' = [ledger EXCEPT !["a"] = IF @ = "pending" THEN "forgotten" ELSE @]
  /\ fpc' = "done" /\ fhand' = None /\ fver' = 0
  /\ UNCHANGED <<vault, pages, old, recs, ever, sweeping, snap, writing, backing>>

ForgetCrashes ==     \* the command is delivered again, or the next sweep goes on with it
  /\ fpc \in {"read", "wrapped", "removed", "erased"} /\ fpc' = "open" /\ fhand' = None /\ fver' = 0
  /\ UNCHANGED <<vault, pages, old, recs, ever, ledger, sweeping, snap, writing, backing>>

Forget == Orders \/ ReadsPage \/ WrapsNewKey \/ Replaces \/ Erases \/ Forgotten \/ ForgetCrashes

(* ------------------------------- the sweep ------------------------------ *)

Freezes ==     \* only sweeps rotate: the version read right after is the same
  /\ step = "idle" /\ latest < MaxVersion
  /\ frozen' = {r \in Records : ledger[r] = "forgotten"} /\ base' = latest
  /\ step' = "frozen"
  /\ UNCHANGED <<vault, pages, old, recs, ever, ledger, target, hand, snap, forgetting, writing, backing>>

Rotates ==
  /\ step = "frozen" /\ latest <= base /\ latest' = latest + 1
  /\ UNCHANGED <<avail, dec, pages, old, recs, ever, ledger, sweeping, snap, forgetting, writing, backing>>

NotesTarget ==
  /\ step = "frozen" /\ latest > base /\ target' = latest /\ step' = "rotated"
  /\ UNCHANGED <<vault, pages, old, recs, ever, ledger, base, frozen, hand, snap, forgetting, writing, backing>>

Below == {id \in PageIds : There(id) /\ pages[id].ver < target}

ReadsForRewrap ==
  /\ step = "rotated" /\ hand = None
  /\ \E id \in Below : hand' = [id |-> id, page |-> pages[id]]
  /\ UNCHANGED <<vault, pages, old, recs, ever, ledger, step, base, target, frozen, snap, forgetting, writing, backing>>

Rewraps ==
  /\ step = "rotated" /\ hand # None
  /\ IF pages[hand.id] = hand.page
     THEN Store(hand.id, [hand.page EXCEPT !.ver = latest])
     ELSE UNCHANGED <<pages, old>>
  /\ hand' = None
  /\ UNCHANGED <<vault, recs, ever, ledger, step, base, target, frozen, snap, forgetting, writing, backing>>

FindsNoneBelow ==
  /\ step = "rotated" /\ hand = None /\ Below = {} /\ step' = "rewrapped"
  /\ UNCHANGED <<vault, pages, old, recs, ever, ledger, base, target, frozen, hand, snap, forgetting, writing, backing>>

Rehearses ==
  /\ step = "rewrapped" /\ dec' = target /\ step' = "fenced"
  /\ UNCHANGED <<latest, avail, pages, old, recs, ever, ledger, base, target, frozen, hand, snap, forgetting, writing,
                 backing>>

LooksAtLeft ==     \* pages below the target that nothing names: it will delete those; if something names one, it stops
  /\ step \in {"fenced", "copied"} /\ hand = None
  /\ hand' = [left |-> Below]
  /\ \A id \in Below : ~Named(id)
  /\ UNCHANGED <<vault, pages, old, recs, ever, ledger, step, base, target, frozen, snap, forgetting, writing, backing>>

DeletesLeft ==
  /\ step \in {"fenced", "copied"} /\ hand # None
  /\ pages' = [id \in PageIds |-> IF id \in hand.left /\ pages[id].ver < target THEN None ELSE pages[id]]
  /\ hand' = None
  /\ step' = IF step = "fenced" THEN (IF CopyFirst THEN "copying" ELSE "trimming") ELSE "trimming"
  /\ UNCHANGED <<vault, old, recs, ever, ledger, base, target, frozen, snap, forgetting, writing, backing>>

Now == {Copy(id, pages[id]) : id \in {each \in PageIds : There(each)}}

Scans ==
  /\ step = "copying" /\ hand = None /\ hand' = [content |-> Now, written |-> {}]
  /\ UNCHANGED <<vault, pages, old, recs, ever, ledger, step, base, target, frozen, snap, forgetting, writing, backing>>

Copies ==     \* one place after the other; a place that is not reachable just never gets its turn
  /\ step = "copying" /\ hand # None
  /\ \E x \in Places \ hand.written :
       /\ snap' = [snap EXCEPT ![x] = @ \cup hand.content]
       /\ hand' = [hand EXCEPT !.written = @ \cup {x}]
  /\ UNCHANGED <<vault, pages, old, recs, ever, ledger, step, base, target, frozen, forgetting, writing, backing>>

Holds(x) == \A r \in Records : Living(r) /\ ledger[r] = "none" =>
              \/ \E c \in snap[x] : c.page = recs[r] /\ r \in c.slots /\ c.ver >= target
              \/ recs[r] = "q"      \* collected since the listing: its page is confirmed, and not listed

NotesCopies ==
  /\ step = "copying" /\ hand # None /\ hand' = None
  /\ IF AllPlaces THEN \A x \in Places : Holds(x) ELSE \E x \in Places : Holds(x)
  /\ step' = "copied"
  /\ UNCHANGED <<vault, pages, old, recs, ever, ledger, base, target, frozen, snap, forgetting, writing, backing>>

Trims ==
  /\ step = "trimming" /\ avail' = target /\ step' = "trimmed"
  /\ UNCHANGED <<latest, dec, pages, old, recs, ever, ledger, base, target, frozen, hand, snap, forgetting, writing,
                 backing>>

Certifies ==
  /\ step = "trimmed"
  /\ ledger' = [r \in Records |->
       IF ledger[r] = "forgotten" /\ (r \in frozen \/ ~FrozenSet) THEN "certified" ELSE ledger[r]]
  /\ snap' = [x \in Places |-> {c \in snap[x] : c.ver >= target}]
  /\ step' = "idle" /\ frozen' = {} /\ base' = 0 /\ target' = 0
  /\ UNCHANGED <<vault, pages, old, recs, ever, hand, forgetting, writing, backing>>

SweepCrashes ==     \* what it held is gone, what it recorded stays
  /\ hand # None \/ step \in {"copying", "trimming"}
  /\ hand' = None
  /\ step' = CASE step = "copying" -> "fenced"
               [] step = "trimming" -> (IF CopyFirst THEN "copied" ELSE "fenced") [] OTHER -> step
  /\ UNCHANGED <<vault, pages, old, recs, ever, ledger, base, target, frozen, snap, forgetting, writing, backing>>

Sweep == \/ Freezes \/ Rotates \/ NotesTarget \/ ReadsForRewrap \/ Rewraps \/ FindsNoneBelow
         \/ Rehearses \/ LooksAtLeft \/ DeletesLeft \/ Scans \/ Copies \/ NotesCopies \/ Trims \/ Certifies \/ SweepCrashes

(* -------------------------- backup and restore -------------------------- *)

BacksUpRecords ==
  /\ Backups /\ bpc = "none" /\ ~restored
  /\ bpc' = "records" /\ brecs' = {r \in Records : Living(r)} /\ bpages' = {}
  /\ UNCHANGED <<vault, pages, old, recs, ever, ledger, sweeping, snap, forgetting, writing, restored>>

BacksUpPages ==
  /\ bpc = "records" /\ bpc' = "whole" /\ bpages' = Now
  /\ UNCHANGED <<vault, pages, old, recs, ever, ledger, sweeping, snap, forgetting, writing, brecs, restored>>

Home(r) == IF r = "c" THEN "q" ELSE "p"

Restores ==
  (* The database is lost with everybody's memory, and all backup places but one. Records and pages come from the data
     backup, newer pages from the place's snapshots; what the ledger has (the audit stream tells it) is destroyed again,
     and gets no certificate that it has not got yet. *)
  /\ bpc = "whole" /\ ~restored /\ restored' = TRUE
  /\ \E x \in Places :
       LET gone == IF Fence THEN {r \in Records : ledger[r] # "none"} ELSE {}
           found(id) == {c \in snap[x] \cup bpages : c.page = id /\ c.ver >= avail}
           \* the fewest slots: a page only ever loses slots, so that is the newest generation
           newest(id) == CHOOSE c \in found(id) : \A d \in found(id) :
                           Cardinality(c.slots) < Cardinality(d.slots) \/ (c.slots = d.slots /\ c.ver >= d.ver)
           back(id) == IF found(id) = {} THEN None
                       ELSE [ver |-> newest(id).ver, slots |-> (newest(id).slots \cap brecs) \ gone]
       IN /\ pages' = [id \in PageIds |-> back(id)]
          /\ old' = old \cup UNION {Trace(id, back(id)) : id \in PageIds}
          /\ recs' = [r \in Records |-> IF r \in gone THEN "dead" ELSE IF r \in brecs THEN Home(r) ELSE "none"]
          /\ snap' = [y \in Places |-> IF y = x THEN snap[y] ELSE {}]
  /\ ledger' = [r \in Records |-> IF ledger[r] \in {"pending", "forgotten"} /\ Fence THEN "replayed" ELSE ledger[r]]
  /\ step' = "idle" /\ base' = 0 /\ target' = 0 /\ frozen' = {} /\ hand' = None
  /\ fpc' = "idle" /\ fhand' = None /\ fver' = 0
  /\ wpc' = "done" /\ UNCHANGED <<wrec, wver>>
  /\ bpc' = "none" /\ brecs' = {} /\ bpages' = {}
  /\ UNCHANGED <<vault, ever>>

Next == Writer \/ Forget \/ Sweep \/ BacksUpRecords \/ BacksUpPages \/ Restores

Spec == Init /\ [][Next]_vars

(* ------------------------------ what must hold -------------------------- *)

Opens(c, r) == c.ver >= avail /\ r \in c.slots

\* Nobody with every copy that was ever stored, and Vault with every setting that can still be changed, reads it.
CertifiedUnreadable ==
  \A r \in Records : ledger[r] = "certified" => 
    ~Living(r) /\ \A c \in old : ~(c.ver >= avail /\ <<c.page, "a">> \in ever)

\* Whoever was not ordered to be destroyed opens now; and if it is in the data backup, it also opens when the
\* database and all backup places but any one are lost.
NoSurvivorLost ==
  \A r \in Records : (Living(r) /\ ledger[r] = "none") =>
    /\ r \in pages[recs[r]].slots /\ pages[recs[r]].ver >= avail
    /\ (bpc = "whole" /\ r \in brecs /\ ~restored) =>
         \A x \in Places : \E c \in snap[x] \cup bpages : c.page = recs[r] /\ Opens(c, r)

Alike == Permutations(Places)
=============================================================================
