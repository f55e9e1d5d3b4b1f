/* Private keys for tests, made with another library, and the public halves as it writes them. Nothing else is signed
 * with them. */
#ifndef GATEHOUSE_TEST_AUTHCLIENT_PRIVATE_KEYS_H
#define GATEHOUSE_TEST_AUTHCLIENT_PRIVATE_KEYS_H

/* clang-format off */
static const char pem_p256[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgxsVJsRKLDel1Q7QD\n"
	"i0OcS76f3C1HcnyvWjT8lsdgaqahRANCAATcNYuAAX+cVVsdQjbjhplTri+ne/qv\n"
	"iIiOg70DOPux3ndel/kWovJ6B8sJt88AmyvKqI2GPnG/cbyesP/4Gh5x\n"
	"-----END PRIVATE KEY-----\n";
static const char pem_p256_old[] =
	"-----BEGIN EC PRIVATE KEY-----\n"
	"MHcCAQEEIMbFSbESiw3pdUO0A4tDnEu+n9wtR3J8r1o0/JbHYGqmoAoGCCqGSM49\n"
	"AwEHoUQDQgAE3DWLgAF/nFVbHUI244aZU64vp3v6r4iIjoO9Azj7sd53Xpf5FqLy\n"
	"egfLCbfPAJsryqiNhj5xv3G8nrD/+BoecQ==\n"
	"-----END EC PRIVATE KEY-----\n";
static const char pem_rsa[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQC6/4h+gaCRYsGa\n"
	"Jg4QFRx/luztSe8lqePXBPngzOEIHoJPE5XaSoQ193bT0nOxmseYLf+zB0wFjtGy\n"
	"07Y3UmlLUx6zYbKBh2nE7FaXJErBg72Q7+2tAfmgUtiVPYRjVzBZ+Imdn3QDXACR\n"
	"vRcKN9MLZwSbuGpX7jucOGyxqisB3QMT7aLmdIYXxE5t0BMeU5mInlakcnJic/Ow\n"
	"NnRbjZpR+uxFvigGHy+NIEOHWaRDokfTzAE3mV7AhcgV6jwROKLI6CCeucimFV4x\n"
	"4G+IRLs42CuFvXNJ+9tpTIwhj/IDPJpTJyOxhw5kO2EAB/9cl935mGB1t+KgfezB\n"
	"52vDLOzjAgMBAAECggEADwWUC3A9BoYuaJmsq4dmoKvuddQTTVfry6FvXqsBW3ZH\n"
	"9Yjsks/wSv2JeClXIz9R0AccnAnMBkObfjLFAoYGRgd0Aej+k//dc/T1snKMkXsU\n"
	"cV40yPR4VHQTSKSGdrcm/93tVXzdBEq8aPi4WcPI77OONTbdTsRT2ZAsJcw2ZDx0\n"
	"9z0BSbEPygxkHC019u6nJNqn1depTbakqPmEP+kYXJkKwOLWuVXwOxUpPporSiBP\n"
	"ZatuLC2pWQU+1OD2m12VNFbONH23xZtMwXjQjs0/XmY4uWTP3pqswnkadmMImmE1\n"
	"wqvZjxF6QcheLc9tf1czSaCeHvTEZnM+nw8VDLIhgQKBgQDtIa7AT5HGjmZ+9r3P\n"
	"Jqxf1Bldwuhfught1VxRREFm1R89JVDOgkbGxp6/BtM6g1n/5SeRxIsOH/JBH7iJ\n"
	"vzbPKIE/37lnctiX7vw3kTsYNVZl11lKjTWetCR/C3pSk7G5TxuvHX6+EQBVZke9\n"
	"n/r/fg2m1jBMUFNrERfsv2IKgwKBgQDJ4KT5aOahj7Yj2jRL//ykOF7hc5JZMjJJ\n"
	"vT8XD0HxqbhpwcnKYkLbSexRIcwuN+wDC9ex5EP00gx7zdgvTkUY8E9p5+IvswHK\n"
	"JXHp25bvkXuGnZ8hNmkJI/+ELhkLFwUNoLyjNvG4IQzzHedBkdpNRv946AlaUHFR\n"
	"oiPO94OGIQKBgDVtd2AhDWk9QF6u3UlFH2Vf9m8nsQ+QbMHCZtBwnoO61RUDyVce\n"
	"BzBWJAJKWWE/oxGC4g13yRTfoceGjB+NE55NNAHeOHnUaHSjBfTHJhdoPRUpFhc0\n"
	"BbbCQ87UGTVtzYdBCa3E6X+NeRPEvbk9yGG0VwMWEz++gW0IJunSnRZdAoGAR5NC\n"
	"artqqfWOGoAO8rM8G+1wlnaneMB3W/WhHMfoFYqbO8Pdi8fy9FTtWIanIevp3dqh\n"
	"Cw1nmrGug2akM4GItiLdxSrV4xuQkt9b2BJnHWFzbnMMLHZiHz+IJJFDh88Nl5tZ\n"
	"xnSAl0wAj2IW0ASqZaO6iF+ckUzcIJlgIM1Y8IECgYAurpmnTAMYJtnNoooL3VRJ\n"
	"PMd/D+FhRXdoJgV+ZfSzT7YnKt7AF3YvEiakr+JgP02EKPJZdikU22SkQDuRm7a9\n"
	"Rpq13yHv5Z+gwQJDYigXX98iCFPAWpWTbz7O7ZQxAAOB9UuKUe42oo2mr7/hIiv2\n"
	"8vmxnEF9FMkqgWmcWdw6vA==\n"
	"-----END PRIVATE KEY-----\n";

/* not to be signed with */
static const char pem_short_rsa[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAOGsVToXAUcLgRHp\n"
	"LSlq7hV9T3RGFtgYNuNd963YYPqdIf5JTNQpVNjuSN7d9hfC0K3jfswhUs2nuirR\n"
	"TcsrxJrKdLmweydMi2UCTUzOkH9x14EP5ysJ+rwObsluqkDJtn8nX3jav1BQGC8G\n"
	"HcP0izYoA7nl95+x/SCYSid06GTPAgMBAAECgYB9JSsSDqXXtwp5Wzx/JlwnMJl6\n"
	"GlAav7rYdUifcEm/UJoEQLPJR65Uqjdg1+fbn15Hv8uV+bjIcQXtLqqcS4Y3YgaS\n"
	"YCSPpQZbMBbDgssdpgACB+EVBZCvukoHY/oL8VWQmfOoF41uzf3cmdcXf6hf4uTM\n"
	"OHC+Gm3s0XRGy5Xx0QJBAPQ5ddQM8Xrlzwdu6rBy9kmihprDPuzkntqoZNkMkB8w\n"
	"gGRPZEApcBwNs7FUksRoTkFV7XwWpqakz45SaJQ1HAkCQQDsjeNqqdFqrXsN/lSj\n"
	"d8mS12YMY2Ox68qq+3UlE/doAqrWDTaYweJZRVSHJUajhmQ2L808bmJhCPbUsX57\n"
	"g+AXAkEA8gabmVh2WtexcmleFRzorBJvmKGTE4qBTqoAvwRvMymKo132OIuYOYTu\n"
	"pfbtN80yeBcisY10+8Jqml1anD2BmQJAXNbfD0iwyPZnGjncDAACW6AwC+KiCP0q\n"
	"oGpqMnAgpHCPjczHxbIqXLDqGNRXYexnviCKoxILiFvVS+qRYnaCZwJAGc8zInhS\n"
	"ND3Xo3FY7q0kiRj+RnUUmaUSTeQfQB90Jn0slWjnY1LQaEh9zIo/ev3Vaw0WEvLe\n"
	"/3uV0lD5gouyfA==\n"
	"-----END PRIVATE KEY-----\n";
static const char pem_p384[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDBfiJGt0ogX05Y81Jbs\n"
	"xymsvWG1S4NlgNEB/P1o0AltRBdlny+kQcX22ZbAHvIIzvuhZANiAARm+Vw/YDV2\n"
	"wClOA+RPt+tlNwfaWWKXSMYRt1OIU8vcPvwC4Mc8Di+wumeuBCEszq+L+uPNXtDL\n"
	"ozRLfmBEKbfPTxuEUHOG+G4cqlhtAbC52gy5J+xKnqPMjfv65m4n0Lk=\n"
	"-----END PRIVATE KEY-----\n";
static const char pem_ed25519[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MC4CAQAwBQYDK2VwBCIEIJu8hrxvK+K5vLYgeG/nX7Omh7Akiek3YSZ2rSjS4LtM\n"
	"-----END PRIVATE KEY-----\n";
static const char pem_with_pass_phrase[] =
	"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
	"MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjuv1h3lBl/IgICCAAw\n"
	"DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEDQMk6WS4u3YsUgwuNhfduIEgZDR\n"
	"zxsvc4UfVscYDYHtQ+E9JNsTnqvmX/0rbna6t6dIGVAHkthfNsP3k4jLa/JSCOS2\n"
	"h4TYGqTBSsMcLSksB8GNtQkQKW7r8sV47G+Svq8aq5PV6jkGFTRat55YotaUFyNg\n"
	"5s/JsM2AaVFmzMn8l9A+EGYJA23NlS2x9aRJ5Ru2BTUU6jyHKW2nDbujY0ox+9s=\n"
	"-----END ENCRYPTED PRIVATE KEY-----\n";
static const char pem_public[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE3DWLgAF/nFVbHUI244aZU64vp3v6\n"
	"r4iIjoO9Azj7sd53Xpf5FqLyegfLCbfPAJsryqiNhj5xv3G8nrD/+BoecQ==\n"
	"-----END PUBLIC KEY-----\n";

/* of pem_p256 and pem_rsa */
static const char public_p256[] =
	"{\"kty\":\"EC\",\"x\":\"3DWLgAF_nFVbHUI244aZU64vp3v6r4iIjoO9Azj7sd4\",\"y\":\"d16X-Rai8noHywm3zwCbK8qojYY-cb9xv"
	"J6w__gaHnE\",\"crv\":\"P-256\"}";
static const char public_rsa[] =
	"{\"kty\":\"RSA\",\"n\":\"uv-IfoGgkWLBmiYOEBUcf5bs7UnvJanj1wT54MzhCB6CTxOV2kqENfd209JzsZrHmC3_swdMBY7RstO2N1"
	"JpS1Mes2GygYdpxOxWlyRKwYO9kO_trQH5oFLYlT2EY1cwWfiJnZ90A1wAkb0XCjfTC2cEm7hqV-47nDhssaorAd0DE-2i5nSGF8"
	"RObdATHlOZiJ5WpHJyYnPzsDZ0W42aUfrsRb4oBh8vjSBDh1mkQ6JH08wBN5lewIXIFeo8ETiiyOggnrnIphVeMeBviES7ONgrhb"
	"1zSfvbaUyMIY_yAzyaUycjsYcOZDthAAf_XJfd-ZhgdbfioH3swedrwyzs4w\",\"e\":\"AQAB\"}";
/* clang-format on */

#endif
