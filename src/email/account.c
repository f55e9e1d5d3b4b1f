/* Settings, and for the large providers what is known of them: who has an address there need say no more.
 *
 *   Source     the providers' own pages on IMAP and SMTP */
#include "email/account.h"

#include <stdio.h>

struct preset {
	struct str name; /* of the setting `provider` */
	const char *imap, *smtp;
	uint16_t smtp_port;
	bool smtp_start_tls, keeps_sent;
	const char *domains[5]; /* of addresses; the last is NULL */
};

static const struct preset presets[] = {
	{{"gmail", 5}, "imap.gmail.com", "smtp.gmail.com", 465, false, true, {"gmail.com", "googlemail.com"}},
	{{"outlook", 7},
	 "outlook.office365.com",
	 "smtp.office365.com",
	 587,
	 true,
	 true,
	 {"outlook.com", "hotmail.com", "live.com", "msn.com"}},
	{{"yahoo", 5}, "imap.mail.yahoo.com", "smtp.mail.yahoo.com", 465, false, true, {"yahoo.com", "ymail.com"}},
	{{"icloud", 6}, "imap.mail.me.com", "smtp.mail.me.com", 587, true, false, {"icloud.com", "me.com", "mac.com"}},
	{{"fastmail", 8}, "imap.fastmail.com", "smtp.fastmail.com", 465, false, false, {"fastmail.com", "fastmail.fm"}},
};

static struct str setting(const struct native_call *call, const char *name)
{
	return json_str(json_get(call->settings, name));
}

static const struct preset *preset_of(const struct native_call *call, struct str domain)
{
	struct str provider = setting(call, "provider");

	for (size_t i = 0; i < ARRAY_LEN(presets); i++) {
		if (provider.n > 0 && str_eq(provider, presets[i].name))
			return &presets[i];
		for (size_t j = 0; provider.n == 0 && presets[i].domains[j] != NULL; j++)
			if (str_eq_nocase(domain, str_of(presets[i].domains[j])))
				return &presets[i];
	}
	return NULL;
}

/* A name or an address, and nothing that means something in a URL or to libcurl. */
static bool is_host(struct str host)
{
	for (size_t i = 0; i < host.n; i++) {
		char byte = host.p[i];

		if (!(byte >= 'a' && byte <= 'z') && !(byte >= 'A' && byte <= 'Z') && !(byte >= '0' && byte <= '9') &&
		    byte != '.' && byte != '-' && byte != ':' && byte != '_')
			return false;
	}
	return host.n > 0 && host.n <= 253;
}

/* What the settings say of one server, over what is known of it. */
static enum err read_server(const struct native_call *call, const char *protocol, struct mail_fault *fault,
			    struct mail_server *server)
{
	char host[16], port[16], tls[16];
	struct str given;
	uint64_t number;

	snprintf(host, sizeof host, "%s_host", protocol);
	snprintf(port, sizeof port, "%s_port", protocol);
	snprintf(tls, sizeof tls, "%s_tls", protocol);
	given = setting(call, host);
	if (given.n > 0)
		server->host = given;
	given = setting(call, tls);
	if (given.n > 0)
		server->start_tls = str_eq(given, STR("starttls"));
	given = setting(call, port);
	if (given.n > 0) {
		if (str_to_u64(given, &number) != OK || number == 0 || number > UINT16_MAX)
			return mail_fault_set(fault, "invalid", "the setting %s is no port", port);
		server->port = (uint16_t)number;
	}
	if (!is_host(server->host))
		return mail_fault_set(
			fault, "invalid",
			"no %s is set for this account, and its provider is none that is known: the operator "
			"sets `provider`, or `imap_host` and `smtp_host`",
			host);
	return OK;
}

/* The setting; of people who connect accounts of their own, what the provider calls theirs. */
static struct str address_of(const struct native_call *call)
{
	const struct str known[] = {setting(call, "address"), call->account_name, call->account_id};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].n > 0 && (i == 0 || memchr(known[i].p, '@', known[i].n) != NULL))
			return known[i];
	return STR_NONE;
}

enum err mail_account_read(const struct native_call *call, struct mail_fault *fault, struct mail_account *ret_account)
{
	struct mail_account account = {.alias = call->account, .append_sent = true};
	const struct preset *preset;
	struct str local;

	account.address = address_of(call);
	if (!str_cut(account.address, '@', &local, &account.domain) || local.n == 0 || !is_host(account.domain) ||
	    !str_is_printable(account.address))
		return mail_fault_set(
			fault, "invalid",
			"it is not known whose mailbox this is: the operator sets `address`, or lets people "
			"connect accounts whose names are addresses");
	account.display_name = setting(call, "display_name");
	account.user = setting(call, "user").n > 0 ? setting(call, "user") : account.address;
	account.sent = setting(call, "sent_folder");
	account.drafts = setting(call, "drafts_folder");
	account.imap = (struct mail_server){.port = 993};
	account.smtp = (struct mail_server){.port = 465};
	preset = preset_of(call, account.domain);
	if (preset != NULL) {
		account.imap.host = str_of(preset->imap);
		account.smtp = (struct mail_server){str_of(preset->smtp), preset->smtp_port, preset->smtp_start_tls};
		account.append_sent = !preset->keeps_sent;
	}
	if (setting(call, "append_sent").n > 0)
		account.append_sent = str_eq(setting(call, "append_sent"), STR("true"));
	TRY(read_server(call, "imap", fault, &account.imap));
	TRY(read_server(call, "smtp", fault, &account.smtp));
	*ret_account = account;
	return OK;
}
