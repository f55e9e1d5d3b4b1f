/* The texts of the migrations, one file each; store.c lists them. Private to the store.
 * A migration that was released is never edited: the next one mends it. */
#ifndef GATEHOUSE_STORE_MIGRATIONS_H
#define GATEHOUSE_STORE_MIGRATIONS_H

extern const char store_migration_0001[], store_migration_0002[], store_migration_0003[], store_migration_0004[],
	store_migration_0005[], store_migration_0006[], store_migration_0007[], store_migration_0008[],
	store_migration_0009[], store_migration_0010[], store_migration_0011[], store_migration_0012[],
	store_migration_0013[], store_migration_0014[], store_migration_0015[];
extern const char store_postgres_0001[], store_postgres_0002[], store_postgres_0003[], store_postgres_0004[],
	store_postgres_0005[], store_postgres_0006[], store_postgres_0007[], store_postgres_0008[],
	store_postgres_0009[];

#endif
