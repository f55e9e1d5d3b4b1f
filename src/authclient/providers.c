/* The platforms. Each fact is the platform's documentation's, or that of programs in production; `needs` says which
 * were not confirmed by either. Versions in addresses end: Meta's v25.0 in July 2028.
 *
 * Where a platform knows PKCE only for clients without a secret, or its documentation does not mention it, no challenge
 * is sent: the gateway's clients have secrets. */
#include "authclient/providers.h"

#include "authclient/discovery.h"

#define DAY_S (24 * 3600)
#define GRAPH "https://graph.facebook.com/v25.0"
#define META_TOKEN GRAPH "/oauth/access_token"
#define META_AUTHORIZE "https://www.facebook.com/v25.0/dialog/oauth"
#define MICROSOFT "https://login.microsoftonline.com/common/oauth2/v2.0"
#define TIKTOK "https://open.tiktokapis.com/v2"
#define TIKTOK_BUSINESS "https://business-api.tiktok.com/open_api/v1.3"

/* Meta's long-lived token lasts 60 days and cannot be renewed when it has ended. */
#define META_AHEAD_S (10 * DAY_S)

#define REFUSALS(pointer, text, array)                                                                                 \
	{                                                                                                              \
		.code = (pointer), .words = (text), .table = (array), .count = ARRAY_LEN(array)                        \
	}

static const struct auth_refusal meta_refusals[] = {
	{190, 190, NULL, REFUSAL_GRANT}, /* expired, revoked, password changed, app removed */
	{102, 102, NULL, REFUSAL_GRANT}, {1, 2, NULL, REFUSAL_LATER},
	{4, 4, NULL, REFUSAL_LATER}, /* too often: of the app, the user, the page */
	{17, 17, NULL, REFUSAL_LATER},	 {32, 32, NULL, REFUSAL_LATER},
	{341, 341, NULL, REFUSAL_LATER}, {613, 613, NULL, REFUSAL_LATER},
};

static const struct auth_refusal microsoft_refusals[] = {
	{7000215, 7000215, NULL, REFUSAL_CLIENT}, /* a wrong secret */
	{7000222, 7000222, NULL, REFUSAL_CLIENT}, /* one that has expired */
	{700016, 700016, NULL, REFUSAL_CLIENT},	  /* no such application in this tenant */
	{65001, 65001, NULL, REFUSAL_GRANT},	  /* consent is wanted */
	{50058, 50058, NULL, REFUSAL_GRANT},	  /* the person is wanted */
	{50076, 50076, NULL, REFUSAL_GRANT},	  /* a second factor is */
};

static const struct auth_refusal tiktok_business_refusals[] = {
	{40100, 40100, NULL, REFUSAL_LATER},					   /* too often */
	{40132, 40132, NULL, REFUSAL_LATER},  {40102, 40105, NULL, REFUSAL_GRANT}, /* the token has expired, is empty,
										      is wrong */
	{40110, 40110, NULL, REFUSAL_GRANT},					   /* the code is wrong */
	{40113, 40113, NULL, REFUSAL_CLIENT}, {40114, 40114, NULL, REFUSAL_GRANT}, {40130, 40130, NULL, REFUSAL_SCOPE},
	{50000, 51999, NULL, REFUSAL_LATER},
};

/* An expired refresh token is called either of two things. */
static const struct auth_refusal linkedin_refusals[] = {{0, 0, "invalid_request", REFUSAL_GRANT}};

#define META_DIALECT                                                                                                   \
	{                                                                                                              \
		.scope_separator = ",", .client_auths = CLIENT_AUTH_POST, .code_form = CODE_UNTYPED,                   \
		.refusals = REFUSALS("/error/code", "/error/message", meta_refusals),                                  \
		.longer = {.grant = "fb_exchange_token", .token = "fb_exchange_token"},                                \
		.again = {.grant = "fb_exchange_token", .token = "fb_exchange_token"}, .ahead_s = META_AHEAD_S,        \
		.ending = END_DELETE                                                                                   \
	}

static const struct auth_provider providers[] = {
	{
		.name = "discord",
		.title = "Discord",
		.authorize_url = "https://discord.com/oauth2/authorize",
		.token_url = "https://discord.com/api/oauth2/token",
		.revoke_url = "https://discord.com/api/oauth2/token/revoke",
		.scope = "identify guilds",
		.identity_url = "https://discord.com/api/v10/users/@me",
		.identity_id = "/id",
		.identity_name = "/username",
		.needs = "That it takes PKCE was not confirmed. What bots do wants a bot's token: a static credential.",
	},
	{
		.name = "facebook",
		.title = "Facebook Pages",
		.authorize_url = META_AUTHORIZE,
		.token_url = META_TOKEN,
		.revoke_url = GRAPH "/me/permissions",
		.scope = "pages_show_list pages_read_engagement pages_manage_posts business_management",
		.identity_url = GRAPH "/me?fields=id,name",
		.identity_id = "/id",
		.identity_name = "/name",
		.pick_url = GRAPH "/me/accounts?fields=id,name&limit=100",
		.pick_items = "/data",
		.pick_id = "/id",
		.pick_name = "/name",
		.dialect = META_DIALECT,
		.needs = "The way its tokens are ended was not confirmed. The account is the person's; the page that "
			 "was picked "
			 "is kept by its id.",
	},
	{
		.name = "google",
		.title = "Google",
		.authorize_url = "https://accounts.google.com/o/oauth2/v2/auth",
		.token_url = "https://oauth2.googleapis.com/token",
		.revoke_url = "https://oauth2.googleapis.com/revoke",
		.scope = "openid email",
		.dialect = {.authorize_more = "access_type=offline&prompt=consent", .client_auths = CLIENT_AUTH_POST},
		.needs = "`scope`: what is used beside the name, as `https://www.googleapis.com/auth/adwords` for Ads "
			 "or "
			 "`https://mail.google.com/` for mail. Addresses and parameters were not confirmed. A consent "
			 "screen "
			 "\"in testing\" ends accounts after 7 days.",
	},
	{
		.name = "instagram",
		.title = "Instagram, with its own sign-in",
		.authorize_url = "https://www.instagram.com/oauth/authorize",
		.token_url = "https://api.instagram.com/oauth/access_token",
		.longer_url = "https://graph.instagram.com/access_token",
		.renew_url = "https://graph.instagram.com/refresh_access_token",
		.scope = "instagram_business_basic instagram_business_content_publish",
		.identity_url = "https://graph.instagram.com/v25.0/me?fields=user_id,username,name",
		.identity_id = "/user_id",
		.identity_name = "/username",
		.dialect = {.scope_separator = ",",
			    .authorize_more = "enable_fb_login=0",
			    .client_auths = CLIENT_AUTH_POST,
			    .pkce = PKCE_OFF,
			    .answer = "/data/0",
			    .refusals = REFUSALS("/error/code", "/error/message", meta_refusals),
			    .longer = {.grant = "ig_exchange_token",
				       .token = "access_token",
				       .carriage = CARRY_QUERY,
				       .unnamed = true},
			    .again = {.grant = "ig_refresh_token",
				      .token = "access_token",
				      .carriage = CARRY_QUERY,
				      .unnamed = true,
				      .unproven = true},
			    .ahead_s = META_AHEAD_S},
		.needs = "Tokens are not ended there: the person removes the app in the account's settings.",
	},
	{
		.name = "instagram-facebook",
		.title = "Instagram, through Facebook",
		.authorize_url = META_AUTHORIZE,
		.token_url = META_TOKEN,
		.revoke_url = GRAPH "/me/permissions",
		.scope = "instagram_basic instagram_content_publish pages_show_list pages_read_engagement "
			 "business_management",
		.identity_url = GRAPH "/me?fields=id,name",
		.identity_id = "/id",
		.identity_name = "/name",
		.pick_url = GRAPH "/me/accounts?fields=instagram_business_account,name&limit=100",
		.pick_items = "/data",
		.pick_id = "/instagram_business_account/id",
		.pick_name = "/name",
		.dialect = META_DIALECT,
		.needs = "As facebook.",
	},
	{
		.name = "linkedin",
		.title = "LinkedIn",
		.authorize_url = "https://www.linkedin.com/oauth/v2/authorization",
		.token_url = "https://www.linkedin.com/oauth/v2/accessToken",
		.revoke_url = "https://www.linkedin.com/oauth/v2/revoke",
		.scope = "openid profile email w_member_social",
		.identity_url = "https://api.linkedin.com/v2/userinfo",
		.identity_id = "/sub",
		.identity_name = "/name",
		.dialect = {.client_auths = CLIENT_AUTH_POST,
			    .pkce = PKCE_OFF,
			    .refusals = REFUSALS(NULL, NULL, linkedin_refusals)},
		.needs = "Tokens last 60 days; only approved partners get refresh tokens, whose 365 days use does not "
			 "extend. "
			 "Revocation was not confirmed.",
	},
	{
		.name = "meta-ads",
		.title = "Meta Marketing API",
		.authorize_url = META_AUTHORIZE,
		.token_url = META_TOKEN,
		.revoke_url = GRAPH "/me/permissions",
		.scope = "ads_read business_management",
		.identity_url = GRAPH "/me?fields=id,name",
		.identity_id = "/id",
		.identity_name = "/name",
		.dialect = META_DIALECT,
		.needs = "As facebook, without a page to pick.",
	},
	{
		.name = "microsoft",
		.title = "Microsoft Entra ID and Outlook",
		.authorize_url = MICROSOFT "/authorize",
		.token_url = MICROSOFT "/token",
		.scope = "offline_access openid email",
		.dialect = {.client_auths = CLIENT_AUTH_POST | CLIENT_AUTH_JWT,
			    .refusals = REFUSALS("/error_codes/0", NULL, microsoft_refusals)},
		.needs = "`scope`: what is used, as `offline_access https://outlook.office.com/IMAP.AccessAsUser.All`. "
			 "For one "
			 "organisation only give `authorize_url` and `token_url` with its tenant in the place of "
			 "`common`. "
			 "Tokens are not ended there. Meanings of error numbers were not confirmed.",
	},
	{
		.name = "shopify",
		.title = "Shopify",
		.scope = "read_orders read_products read_customers read_inventory read_locations",
		.dialect = {.scope_separator = ",",
			    .token_more = "expiring=1",
			    .client_auths = CLIENT_AUTH_POST,
			    .pkce = PKCE_OFF,
			    .token_header = "X-Shopify-Access-Token"},
		.needs = "`authorize_url`: `https://SHOP.myshopify.com/admin/oauth/authorize`, and `token_url`: "
			 "`https://SHOP.myshopify.com/admin/oauth/access_token`. Parameters of its requests for tokens "
			 "were not "
			 "confirmed.",
	},
	{
		.name = "snapchat",
		.title = "Snapchat",
		.authorize_url = "https://accounts.snapchat.com/login/oauth2/authorize",
		.token_url = "https://accounts.snapchat.com/login/oauth2/access_token",
		.scope = "snapchat-marketing-api snapchat-profile-api",
		.dialect = {.client_auths = CLIENT_AUTH_POST, .pkce = PKCE_OFF},
		.needs = "`snapchat-profile-api` is allowed client by client; else `scope: snapchat-marketing-api`. "
			 "Tokens are "
			 "not ended there.",
	},
	{
		.name = "tiktok",
		.title = "TikTok",
		.authorize_url = "https://www.tiktok.com/v2/auth/authorize/",
		.token_url = TIKTOK "/oauth/token/",
		.revoke_url = TIKTOK "/oauth/revoke/",
		.scope = "user.info.basic user.info.profile user.info.stats video.list video.upload video.publish",
		.identity_url = TIKTOK "/user/info/?fields=open_id,display_name,username",
		.identity_id = "/data/user/open_id",
		.identity_name = "/data/user/display_name",
		.dialect = {.client_id_name = "client_key",
			    .scope_separator = ",",
			    .client_auths = CLIENT_AUTH_POST,
			    .pkce = PKCE_OFF,
			    .ending = END_ACCESS},
		.needs = "Tokens last 2 hours; a refresh token 180 days, and is used once.",
	},
	{
		.name = "tiktok-business",
		.title = "TikTok API for Business",
		.authorize_url = "https://business-api.tiktok.com/portal/auth",
		.token_url = TIKTOK_BUSINESS "/oauth2/access_token/",
		.revoke_url = TIKTOK_BUSINESS "/oauth2/revoke_token/",
		.dialect = {.client_id_name = "app_id",
			    .client_secret_name = "secret",
			    .code_name = "auth_code",
			    .client_auths = CLIENT_AUTH_POST,
			    .pkce = PKCE_OFF,
			    .carriage = CARRY_JSON,
			    .code_form = CODE_BARE,
			    .answer = "/data",
			    .refusals = REFUSALS("/code", "/message", tiktok_business_refusals),
			    .refresh_none = true,
			    .token_header = "Access-Token",
			    .ending = END_ACCESS,
			    .revoke_name = "access_token"},
		.needs = "Tokens do not end until they are revoked. Where people agree was not confirmed.",
	},
	{
		.name = "whatsapp",
		.title = "WhatsApp Business",
		.authorize_url = META_AUTHORIZE,
		.token_url = META_TOKEN,
		.scope = "whatsapp_business_messaging whatsapp_business_management",
		.dialect = {.scope_separator = ",",
			    .client_auths = CLIENT_AUTH_POST,
			    .pkce = PKCE_OFF,
			    .carriage = CARRY_QUERY,
			    .code_form = CODE_UNTYPED,
			    .refusals = REFUSALS("/error/code", "/error/message", meta_refusals),
			    .refresh_none = true},
		.needs = "`authorize_url`: the address above with `?config_id=` and the id of the sign-up's "
			 "configuration. "
			 "Addresses were not confirmed. A system user's token needs none of this: a static credential.",
	},
	{
		.name = "x",
		.title = "X",
		.authorize_url = "https://x.com/i/oauth2/authorize",
		.token_url = "https://api.x.com/2/oauth2/token",
		.revoke_url = "https://api.x.com/2/oauth2/revoke",
		.scope = "tweet.read tweet.write users.read media.write offline.access",
		.identity_url = "https://api.x.com/2/users/me",
		.identity_id = "/data/id",
		.identity_name = "/data/username",
		.dialect = {.client_auths = CLIENT_AUTH_BASIC | CLIENT_AUTH_NONE},
		.needs = "Tokens last 2 hours; without `offline.access` there is no refresh token. A code is good for "
			 "30 "
			 "seconds.",
	},
	{
		.name = "xero",
		.title = "Xero",
		.authorize_url = "https://login.xero.com/identity/connect/authorize",
		.token_url = "https://identity.xero.com/connect/token",
		.revoke_url = "https://identity.xero.com/connect/revocation",
		.scope = "offline_access accounting.invoices.read accounting.contacts.read accounting.settings.read "
			 "accounting.reports.profitandloss.read accounting.reports.balancesheet.read",
		.pick_url = "https://api.xero.com/connections",
		.pick_items = "",
		.pick_id = "/tenantId",
		.pick_name = "/tenantName",
		.pick_header = "xero-tenant-id",
		.dialect = {.client_auths = CLIENT_AUTH_BASIC},
		.needs = "Clients from before March 2026 want the broad scopes `accounting.transactions.read "
			 "accounting.reports.read` instead. Revocation was not confirmed.",
	},
};

const struct auth_provider *auth_provider_at(size_t index)
{
	return index < ARRAY_LEN(providers) ? &providers[index] : NULL;
}

const struct auth_provider *auth_provider_find(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(providers); i++)
		if (str_eq(name, str_of(providers[i].name)))
			return &providers[i];
	return NULL;
}

const struct auth_dialect *auth_dialect_of(struct str provider)
{
	static const struct auth_dialect standard;
	const struct auth_provider *row = auth_provider_find(provider);

	return row == NULL ? &standard : &row->dialect;
}
