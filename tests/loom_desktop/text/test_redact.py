from __future__ import annotations

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from loom_desktop.text.redact import SHAPES, iban_end, looks_secret, luhn, redact

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijk_lmnop"

CASES = [
    (f"before {PEM} after", "before [PEM] after", "PEM"),
    ("-----BEGIN PRIVATE KEY-----\nMIIE cut off", "[PEM]", "PEM"),
    (JWT, "[JWT]", "JWT"),
    ("my key is sk-proj-abcdefghijklmnop1234567890ABCD ok", "my key is [OPENAI] ok", "OPENAI"),
    ("sk-ant-" + "a1B2" * 6, "[OPENAI]", "OPENAI"),
    ("token=ghp_" + "a1B2" * 9 + " x", "token=[GITHUB] x", "GITHUB"),
    ("github_pat_" + "a1B2" * 9, "[GITHUB]", "GITHUB"),
    ("glpat-" + "a1B2" * 5, "[GITLAB]", "GITLAB"),
    ("AKIAIOSFODNN7EXAMPLE", "[AWS]", "AWS"),
    ("AIza" + "b" * 35, "[GOOGLE]", "GOOGLE"),
    ("xoxb-1234567890-abc", "[SLACK]", "SLACK"),
    ("sk_live_" + "a1B2" * 6, "[STRIPE]", "STRIPE"),
    ("hf_" + "aB" * 17, "[HUGGINGFACE]", "HUGGINGFACE"),
    ("npm_" + "aB" * 18, "[NPM]", "NPM"),
    ("123456789:" + "aB-_1" * 7, "[TELEGRAM]", "TELEGRAM"),
    ("Authorization: Bearer abcdefghij0123456789", "Authorization: Bearer [BEARER]", "BEARER"),
    ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [BEARER]", "BEARER"),
    ("postgres://bob:hunter2@db/x", "postgres://[URLCRED]@db/x", "URLCRED"),
    ("mail anna@example.com.", "mail [EMAIL].", "EMAIL"),
    ("IBAN DE89 3704 0044 0532 0130 00 now", "IBAN [IBAN] now", "IBAN"),
    ("IBAN DE89 3704 0044 0532 0130 00 NOW", "IBAN [IBAN] NOW", "IBAN"),
    ("GB82WEST12345698765432 ABCD", "[IBAN] ABCD", "IBAN"),
    ("card 4111 1111 1111 1111 and", "card [CARD] and", "CARD"),
    ("card 4111-1111-1111-1111 12/27", "card [CARD] 12/27", "CARD"),
    ("order 12 4111111111111111 x", "order 12 [CARD] x", "CARD"),
    ("amex 3782 822463 10005", "amex [CARD]", "CARD"),
    ('"password": "Tr0ub4dor&3"', '"password": "[SECRET]"', "SECRET"),
    ("password: hunter2", "password: [SECRET]", "SECRET"),
    ("Passwort: Sommer24!", "Passwort: [SECRET]", "SECRET"),
    ("mot de passe : soleil", "mot de passe : [SECRET]", "SECRET"),
    ("DB_PASSWORD=abc123", "DB_PASSWORD=[SECRET]", "SECRET"),
    ("api_key = abcdef123456", "api_key = [SECRET]", "SECRET"),
]


@pytest.mark.parametrize(("text", "masked", "rule"), CASES)
def test_each_rule_masks_its_shape(text: str, masked: str, rule: str) -> None:
    got = redact(text)
    assert got.text == masked
    assert got.found == (rule,)


def test_every_named_rule_has_a_case() -> None:
    assert {name for name, _ in SHAPES} | {"SECRET"} == {rule for _, _, rule in CASES}


@pytest.mark.parametrize(
    "text",
    [
        "the meeting is at 10 tomorrow",
        "The secret: always be kind",
        "password: must be at least 8 characters",
        "a token of love",
        "card 1234 5678 9012 3456",  # Luhn says no
        "IBAN DE88 3704 0044 0532 0130 00",  # ISO 7064 says no
        "call +49 30 1234567",
        "the year 2026, 15% of 240, 3.14159265358979",
        "see https://example.com/a:b and @anna",
    ],
)
def test_ordinary_sentences_stay_as_they_are(text: str) -> None:
    assert redact(text) == redact(redact(text).text)
    assert redact(text).text == text
    assert redact(text).found == ()


@pytest.mark.parametrize(("text", "masked", "_rule"), CASES)
def test_masking_twice_changes_nothing_more(text: str, masked: str, _rule: str) -> None:
    assert redact(masked).text == masked


def test_known_secrets_go_first_and_the_longest_of_them_before_the_others() -> None:
    got = redact("use swordfish99 and swordfish", ("swordfish", "swordfish99", "ab"))
    assert got.text == "use [KNOWN] and [KNOWN]"
    assert got.found == ("KNOWN",)


def test_rules_are_told_once_and_in_order() -> None:
    assert redact("a@b.cc, x@y.zz, AKIAIOSFODNN7EXAMPLE").found == ("AWS", "EMAIL")


@given(
    st.text(string.ascii_letters + string.digits + " .-/\n", max_size=60),
    st.lists(st.text(string.ascii_letters + string.digits, min_size=4, max_size=12), max_size=3),
    st.text(string.ascii_letters + " ", max_size=20),
)
def test_no_known_secret_survives(before: str, secrets: list[str], after: str) -> None:
    assume(not any(secret in "[KNOWN]" for secret in secrets))
    text = before + "".join(f"{secret} " for secret in secrets) + after
    masked = redact(text, secrets).text
    left = masked
    for rule in ("KNOWN", "SECRET", *(name for name, _ in SHAPES)):
        left = left.replace(f"[{rule}]", "\0")
    assert not any(secret in left for secret in secrets)


@given(st.text(max_size=300))
def test_masking_is_idempotent(text: str) -> None:
    once = redact(text).text
    assert redact(once).text == once


@given(st.integers(10**11, 10**17))
def test_one_wrong_digit_breaks_the_card_check(number: int) -> None:
    body = str(number)
    valid = next(f"{body}{check}" for check in range(10) if luhn(f"{body}{check}"))
    wrong = valid[:-1] + str((int(valid[-1]) + 1) % 10)
    assert luhn(valid)
    assert not luhn(wrong)


def test_the_iban_check_knows_where_the_number_ends() -> None:
    assert iban_end("DE89370400440532013000") == 22
    assert iban_end("DE89 3704 0044 0532 0130 00 ABC") == 27
    assert iban_end("DE893704004405320130001") == 0
    assert iban_end("XX89370400440532013000") == 0


@pytest.mark.parametrize(
    "evil",
    [
        "a.a." * 25_000,
        "-----BEGIN PRIVATE KEY-----" * 4_000,
        "1 " * 50_000,
        "://a:" * 20_000,
        "DE89" + "A" * 100_000,
        "password" * 12_000,
        "token: " * 14_000,
        "x@" * 50_000,
    ],
    ids=lambda text: text[:12],
)
@pytest.mark.timeout(5)
def test_hostile_text_costs_linear_time(evil: str) -> None:
    redact(evil)
    looks_secret(evil)


@pytest.mark.parametrize(
    "text",
    [
        "Tr0ub4dor&3", "x7Kp!29zQ", "hunter2hunter2", "correct-horse-battery-staple", "gX#92hh!",
        "AKIAIOSFODNN7EXAMPLE", "4111 1111 1111 1111", "Summer2024!", "qwertz1234",
        "d41d8cd98f00b204e9800998ecf8427e", "password: abc123", "Xy9-Lm2-Pq7-Rt5", PEM, JWT,
        "postgres://bob:hunter2@db/x", "sk-proj-abcdefghijklmnop1234567890ABCD", "  aB3$dE6&  \n",
    ],
)  # fmt: skip
def test_a_copied_secret_is_recognised(text: str) -> None:
    assert looks_secret(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "hello", "Hello world", "https://example.com/a?b=1", "report_final.pdf",
        "/home/a/b.txt", "state-of-the-art", "some_function_name", "anna@example.com",
        "+49 30 1234567", "2026-11-20", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "v1.2.3",
        "#ff00aa", "Donaudampfschifffahrt",
        "The quick brown fox jumps", "パスワードを変更", "--some-option", "Übergrößenträger",
        "C:\\Users\\a", "internationalization,", "print(x)",
        "A long text about how to choose a password: it must be long. " * 20,
    ],
)  # fmt: skip
def test_ordinary_copies_are_no_secrets(text: str) -> None:
    assert not looks_secret(text)
