/* LIST, in the extended form where the server has it (RFC 5819, RFC 6154): one command for all. Elsewhere names are
 * asked first and counts after, folder by folder, and roles are told by the names that mail programs give. */
#include "email/folders.h"

#include "email/folder_name.h"

struct role {
	struct str role, attribute;
	struct str names[5]; /* the last has no bytes */
};

static const struct role roles[] = {
	{{"sent", 4}, {"\\Sent", 5}, {{"Sent", 4}, {"Sent Items", 10}, {"Sent Messages", 13}, {"Sent Mail", 9}}},
	{{"drafts", 6}, {"\\Drafts", 7}, {{"Drafts", 6}, {"Draft", 5}}},
	{{"trash", 5}, {"\\Trash", 6}, {{"Trash", 5}, {"Deleted Items", 13}, {"Deleted Messages", 16}}},
	{{"junk", 4}, {"\\Junk", 5}, {{"Junk", 4}, {"Spam", 4}, {"Junk E-mail", 11}, {"Junk Email", 10}}},
	{{"archive", 7}, {"\\Archive", 8}, {{"Archive", 7}, {"Archives", 8}}},
	{{"all", 3}, {"\\All", 4}, {{"", 0}}},
	{{"flagged", 7}, {"\\Flagged", 8}, {{"", 0}}},
};

static bool has_attribute(const struct imap_node *attributes, struct str name)
{
	for (const struct imap_node *at = imap_at(attributes, 0); at != NULL; at = at->next)
		if (str_eq_nocase(imap_text(at), name))
			return true;
	return false;
}

static struct str role_by_attribute(const struct imap_node *attributes)
{
	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		if (has_attribute(attributes, roles[i].attribute))
			return roles[i].role;
	return STR_NONE;
}

/* The name behind the last separator, but only at the top or below INBOX. */
static struct str role_by_name(const struct mail_folder *folder)
{
	struct str top, name;

	if (folder->separator == '\0' || !str_cut(folder->path, folder->separator, &top, &name) ||
	    !str_eq_nocase(top, STR("INBOX")))
		name = folder->path;
	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		for (size_t j = 0; roles[i].names[j].n > 0; j++)
			if (str_eq_nocase(name, roles[i].names[j]))
				return roles[i].role;
	return STR_NONE;
}

/* * LIST (attributes) "/" name */
static enum err add_folder(struct mail_folders *folders, const struct imap_response *response, struct arena *arena)
{
	struct mail_folder *folder = &folders->items[folders->count];
	const struct imap_node *attributes = response->first, *separator, *name;
	AUTO_BUF path = {0};

	separator = attributes == NULL ? NULL : attributes->next;
	name = separator == NULL ? NULL : separator->next;
	if (name == NULL || attributes->kind != IMAP_LIST || (name->kind != IMAP_ATOM && name->kind != IMAP_STRING))
		return ERR_UPSTREAM_GARBAGE;
	if (folders->count == MAIL_FOLDERS_MAX)
		return OK;
	*folder = (struct mail_folder){.sent = name->text};
	folder_name_decode(name->text, &path);
	folder->path = arena_str(arena, buf_str(&path));
	folder->separator = imap_text(separator).n == 1 ? imap_text(separator).p[0] : '\0';
	folder->selectable =
		!has_attribute(attributes, STR("\\Noselect")) && !has_attribute(attributes, STR("\\NonExistent"));
	folder->role = str_eq_nocase(folder->path, STR("INBOX")) ? STR("inbox") : role_by_attribute(attributes);
	folders->count++;
	return OK;
}

/* * STATUS name (MESSAGES 3 UNSEEN 1) */
static void add_counts(struct mail_folders *folders, const struct imap_response *response)
{
	const struct imap_node *name = response->first;

	for (size_t i = 0; name != NULL && i < folders->count; i++) {
		struct mail_folder *folder = &folders->items[i];

		if (!str_eq(folder->sent, imap_text(name)))
			continue;
		folder->counted = imap_number(imap_item(name->next, STR("MESSAGES")), &folder->messages) &&
				  imap_number(imap_item(name->next, STR("UNSEEN")), &folder->unseen);
	}
}

/* Where the server names no roles, names do: the first folder that fits is it. */
static void guess_roles(struct mail_folders *folders)
{
	for (size_t i = 0; i < folders->count; i++)
		if (folders->items[i].role.n > 0 && !str_eq(folders->items[i].role, STR("inbox")))
			return;
	for (size_t i = 0; i < folders->count; i++) {
		struct mail_folder *folder = &folders->items[i];
		bool taken = false;

		if (folder->role.n > 0 || !folder->selectable)
			continue;
		folder->role = role_by_name(folder);
		for (size_t j = 0; j < i; j++)
			taken = taken || (folder->role.n > 0 && str_eq(folders->items[j].role, folder->role));
		if (taken)
			folder->role = STR_NONE;
	}
}

static enum err take_answers(struct mail_folders *folders, const struct imap_response *first, struct arena *arena)
{
	for (const struct imap_response *at = first; at != NULL; at = at->next)
		if (str_eq_nocase(at->name, STR("LIST")))
			TRY(add_folder(folders, at, arena));
	for (const struct imap_response *at = first; at != NULL; at = at->next)
		if (str_eq_nocase(at->name, STR("STATUS")))
			add_counts(folders, at);
	return OK;
}

AWAITS static enum err ask_counts(struct imap_session *session, struct mail_folders *folders, struct arena *arena,
				  struct mail_fault *fault)
{
	for (size_t i = 0, asked = 0; i < folders->count && asked < MAIL_STATUS_MAX; i++) {
		AUTO_IMAP_COMMAND command = {0};
		struct imap_response *first;
		enum err err;

		if (!folders->items[i].selectable)
			continue;
		asked++;
		imap_put(&command, "STATUS ");
		imap_put_text(&command, folders->items[i].sent);
		imap_put(&command, " (MESSAGES UNSEEN)");
		err = imap_run(session, &command, arena, fault, &first, NULL);
		if (err == ERR_TOOL_FAILED && imap_session_is_sound(session))
			continue; /* one that may be listed, and not opened */
		TRY(err);
		TRY(take_answers(folders, first, arena));
	}
	return OK;
}

AWAITS enum err mail_folders_list(struct imap_session *session, bool counts, struct arena *arena,
				  struct mail_fault *fault, struct mail_folders *ret_folders)
{
	unsigned can = imap_session_abilities(session);
	bool in_one = counts && (can & IMAP_CAN_LIST_STATUS) != 0;
	struct mail_folders folders = {.items = arena_alloc(arena, MAIL_FOLDERS_MAX * sizeof *folders.items)};
	AUTO_IMAP_COMMAND command = {0};
	struct imap_response *first;

	imap_put(&command, "LIST \"\" \"*\"");
	if ((can & IMAP_CAN_SPECIAL_USE) != 0 && (can & (IMAP_CAN_LIST_EXTENDED | IMAP_CAN_LIST_STATUS)) != 0)
		imap_put(&command, in_one ? " RETURN (SPECIAL-USE STATUS (MESSAGES UNSEEN))" : " RETURN (SPECIAL-USE)");
	else
		in_one = false;
	TRY(imap_run(session, &command, arena, fault, &first, NULL));
	if (take_answers(&folders, first, arena) != OK)
		return mail_fault_set(fault, "transient", "the server's list of folders is not as IMAP has it");
	guess_roles(&folders);
	if (counts && !in_one)
		TRY(ask_counts(session, &folders, arena, fault));
	*ret_folders = folders;
	return OK;
}

AWAITS enum err mail_folder_of_role(struct imap_session *session, struct str role, struct arena *arena,
				    struct mail_fault *fault, struct str *ret_path)
{
	struct mail_folders folders;

	TRY(mail_folders_list(session, false, arena, fault, &folders));
	for (size_t i = 0; i < folders.count; i++) {
		if (str_eq(folders.items[i].role, role)) {
			*ret_path = folders.items[i].path;
			return OK;
		}
	}
	return mail_fault_set(
		fault, "not_found",
		"the account has no folder for %.*s; the operator can name one in the setting %.*s_folder",
		STR_ARG(role), STR_ARG(role));
}
