/* The texts of the migrations, one file each; store.c lists them. Private to the store.
 * A migration that was released is never edited: the next one mends it. */
#ifndef GATEHOUSE_STORE_MIGRATIONS_H
#define GATEHOUSE_STORE_MIGRATIONS_H

extern const char store_migration_0001[], store_migration_0002[];

#endif
