/* Folders of notes (Obsidian vaults) as tools: read, searched, appended to, changed.
 *
 *     notes.search  notes.read  notes.append  notes.update  notes.status      operations of connector files
 *
 * A vault is a directory that the operator names; nothing outside of it is ever touched. Its index lies in the
 * gateway's own data directory and follows the files by itself. */
#ifndef GATEHOUSE_NOTES_NOTES_H
#define GATEHOUSE_NOTES_NOTES_H

#include "connector/native.h"

struct notes; /* a process's: the vaults that are open */

/* Vaults are opened when they are first asked for.
 *   data_directory  indexes lie in `notes` below it
 *   Runs on    loop 0, where the room then lives */
struct notes *notes_new(const char *data_directory);

/* Close all vaults; no operation may be running.   Runs on    loop 0 */
void notes_free(struct notes *notes) AWAITS;

/* The operations, for connector runs. Static; the room is `notes`. */
struct native_table notes_natives(struct notes *notes);

#endif
