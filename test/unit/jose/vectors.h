/* Keys and tokens made by others: RFC 7515 appendix A.2 and A.3, and one of each further algorithm made with another
 * library (the last one with a key that is too short). */
#ifndef GATEHOUSE_TEST_JOSE_VECTORS_H
#define GATEHOUSE_TEST_JOSE_VECTORS_H

/* clang-format off */
static const char rfc_keys[] =
	"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp"
	"-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-"
	"bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5"
	"IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"},{\""
	"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu"
	"9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";

static const char rfc_rs256[] =
	"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19"
	"yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt"
	"_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb"
	"1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI"
	"8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

static const char rfc_es256[] =
	"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19"
	"yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU"
	"1Q";

static const char other_keys[] =
	"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"xgVvfkxGz7xrtiA8WZu8di9suUbEU7_kppi3Kk9399DfL5wWJjLojrsn3T7MMyXj"
	"hv1DvSQ1hFOoHRQuC4J0sUr884sm-yNAijTuW7Ml96SOpL_9g8Wqv-1_G6NII8TvpQw8aJbw61h5JP8zqjRQnITs-7-5_Y5ChiVC"
	"zHzkdCLzzLXIOZ0Zgp55pdx5Ja32J5AwplWg4zQVRWmk5W4-vHpIPivsH0FkQ7OrgvL_vmoMv-r7Tz2Nk9CPl3cqic78HRw7iiHc"
	"SJGJxPnFu2FDErfCmcoQyALn4xjF3ii__riUL5XpMfyVBzkrSoRxd4-KnmU7f_8O2ECc5QeeO0AQaw\",\"e\":\"AQAB\",\"ki"
	"d\":\"r\"},{\"kty\":\"EC\",\"x\":\"YA_-F9U-7uVieR3Lu2aJIm71SiqxupmxdNgid1qMJ3UBrkgfcnwdLulcGE4uUxkF"
	"\",\"y\":\"OYSPTTUehy5h-mmAa6CZZ1hMHoDo8chyrjlO6-sjEpo5pjGGLs2EAYSovMlbgrJn\",\"crv\":\"P-384\",\"ki"
	"d\":\"e\"},{\"kty\":\"RSA\",\"n\":\"5LTwJcClmtUIxSvUqUZ9MQ5jrY6fCdeS7939coi9diQfq1TvphJzr8nQm_-J8XrC"
	"O8dsMStjfS4tuFOPw30sd1AtddML8-C-QxvEARkuZWdmVGeM6zlD5IN7F2EeeU59lPyVy9nKSc1CX11-qVg_NgFbG5B2OJaxXcv4"
	"z09aV08\",\"e\":\"AQAB\",\"kid\":\"s\"}]}";

static const char other_rs384[] =
	"eyJhbGciOiJSUzM4NCIsImtpZCI6InIifQ.eyJpc3MiOiJqb2UiLCJleHAiOjQxMDI0NDQ4MDB9.AhpOIi2byoXMFsRseaec38dJ"
	"71J0Kof3Re2vYFY7r0dCWouYkPxSbmZ4aBGmQFkGsyuuNLC5R4DCdSAI-6wBQG9qtmM4buwupjRLsBpNfKav7yQ34mnGS0bnpv75"
	"yt0zBfH5rKS3Y06lk6FyZWcb-vxV_GItOYrBRCu6fG6_fnsCi4qVob3JaAfu6I5vSD6OLzvLI-EjgdMUlbbDq3hVgy--x6NUqiOR"
	"Wxn9NsrZdfv8oM06kbBES4MV-wyu1FN0dDbCfiBcFTZs9pNH3LUvF-hL4F20YkzvHp_qsvF6Pesb-uGUOCyxRCeHZ8pZVkZZNix5"
	"0p4II4RN2MohMAlevQ";

static const char other_rs512[] =
	"eyJhbGciOiJSUzUxMiIsImtpZCI6InIifQ.eyJpc3MiOiJqb2UiLCJleHAiOjQxMDI0NDQ4MDB9.FI43QcIq7vmklSIBSec_-boF"
	"AbU8bVm8-UE-26WPAaD3hmbZNnetUUpgfPrbcoNpEoOUtugnFLoTjNWPoD7NLuWfJkVzzTVvs3lCIV-RvkI9UDESmRDUsIp5YX9H"
	"tV8WO2_PWf4_jgpVKbFSpkRfNEcwTwINW5aodRYyUH3Nta8CFYZVG-zsLfLhv4WDIfEb1I677KtOz3NC7YSe-vBW5om8WAQl9fD5"
	"3922-Ye_u7OF1pEMQR6JGyXOZT-9Iw0yhmh8LJGsM7WpDI-_zFWQCiG2upUv3AGhdX2hDnxuAGLqg-DGKJ-xMbB_QQXWH8L_Xns5"
	"TFfh9cWxUl1iAqPnfg";

static const char other_ps256[] =
	"eyJhbGciOiJQUzI1NiIsImtpZCI6InIifQ.eyJpc3MiOiJqb2UiLCJleHAiOjQxMDI0NDQ4MDB9.Mvzq4Yr7sdUUEnDNEUiGKp6J"
	"-cE9aqlSkVILRAA-WMuCzSivUDvcltnUzWqkpDCJEh0y79OSmF9uuXLgfj1QHi34ZubjPUpviuM49BGKoolUbgT1yqjKYOyIJe-e"
	"Mw-3Zq2VIR0ZZHFQQIoElD55qdIh0QNG0ybtcAPzEFxWJpwPDML0YdyaRgljGXsxMXiAXx3QAqc1B25n50nejPZpV11UgbGhbktA"
	"dmWapcG4CvByT5mW2TGxu6W4qY5U0wq9OCd3_94cnzWM6aIbpWcSejDnpgKlV_7nM3JXZQlna9AQkj-7m5wjDxRMUG4tCqHDB7kr"
	"JksUjHJL4hxpq45QxQ";

static const char other_es384[] =
	"eyJhbGciOiJFUzM4NCIsImtpZCI6ImUifQ.eyJpc3MiOiJqb2UiLCJleHAiOjQxMDI0NDQ4MDB9.cJx48H65Ub5eVzltapS7WJ_y"
	"nX6fSyrP2hGjDjqgh_1bY_JoFhoPD_WkKG6Hk-zgjwFSYzNZaGbq92j74YxFKmg4a60u2kxsc9urOurjGioQhAiOTTkMD03ItyaV"
	"7DD1";

static const char short_rs256[] =
	"eyJhbGciOiJSUzI1NiIsImtpZCI6InMifQ.eyJpc3MiOiJqb2UiLCJleHAiOjQxMDI0NDQ4MDB9.m4swmYK6Tt1knZyjzSoRgU10"
	"_dyRMz2EwtlrIbxkAazQoSK5uX-7Pa3YXe9hwwesxkRciJRk8P5RsJ9t1B9-Qn-Yer04oiZ_sCdvGzSjdw6_MEfFNUIgetgWpe_Q"
	"Z-6r5hNLFLle2wYW793JPjGdoYFy742vNLv6o2Z48REaq-I";

/* clang-format on */
#endif
