/* Names of platforms: what tools, commands and settings of the connector `ads` call them. Where reports come from is
 * whoever gives a struct ads_source: the gateway (gateway/ads.c), or a test. */
#include "ads/source.h"

static const char *const names[ADS_PLATFORMS] = {
	[ADS_GOOGLE] = "google",
	[ADS_META] = "meta",
	[ADS_TIKTOK] = "tiktok",
};

const char *ads_platform_name(enum ads_platform platform)
{
	return names[platform];
}

enum ads_platform ads_platform_named(struct str name)
{
	int platform = 0;

	while (platform < ADS_PLATFORMS && !str_eq(name, str_of(names[platform])))
		platform++;
	return (enum ads_platform)platform;
}
