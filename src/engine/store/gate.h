/* gate.h - where writers of several processes queue.
 *
 * Every writer takes flock(ROOT/gate), then BEGIN IMMEDIATE, then drops the gate. So one writer at
 * most waits inside SQLite, and a process that commits back to back cannot starve the others. The
 * file holds the process number of the last writer that got through, for the error that names it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ms_err;

/* Takes the gate of the open file fd within wait_ms. Fails: unavailable, naming who holds it. */
int ms_gate_enter(int fd, int64_t wait_ms, struct ms_err *err);

/* Writes this thread's numbers: called with the gate held and the write lock taken. */
void ms_gate_sign(int fd);

void ms_gate_leave(int fd);

/* A busy handler for SQLite; context points to the gate's descriptor. Sleeps until the writer in
 * front is done, which is one transaction of somebody: the gate keeps the rest away. Gives up when
 * that writer is this very thread. */
int ms_gate_wait(void *context, int tries);

/* Did the calling thread sign last? */
bool ms_gate_is_mine(int fd);

/* "process 123 (name)" of the last writer, into out; "somebody" when the file tells nobody. */
void ms_gate_holder(int fd, char *out, int size);
