/* plant.h - the part of the sink that makes what has no content: links, devices, fifos, whiteouts.
 *
 * The trail stands in the directory of the entry that the sink has begun.
 */
#pragma once

struct ms_entry;
struct ms_err;
struct ms_sink;

/* Hides the entry's name from below. */
int ms_plant_whiteout(struct ms_sink *sink, struct ms_err *err);

/* Another name of what entry->link names, in this tree or (DELETE) in the parent's copy.
 * Fails: invalid_argument when it names nothing there or a directory. */
int ms_plant_hard_link(struct ms_sink *sink, const struct ms_entry *entry, struct ms_err *err);

/* A symbolic link, device, fifo or socket. Fails: invalid_argument for any other type. */
int ms_plant_other(struct ms_sink *sink, const struct ms_entry *entry, struct ms_err *err);
