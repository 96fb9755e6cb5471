from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.text.language import COMMON, language

TEXTS = [
    ("en", "The quick brown fox jumps over the lazy dog."),
    ("en", "hello how are you"),
    ("de", "Die Rechnung ist am Montag fällig, bitte überweisen Sie den Betrag."),
    ("de", "Was ist das?"),
    ("de", "wie geht es dir"),
    ("fr", "La facture est à payer avant la fin du mois."),
    ("fr", "comment ça va"),
    ("es", "La factura se debe pagar antes de fin de mes."),
    ("es", "¿cómo estás?"),
    ("it", "La fattura deve essere pagata entro la fine del mese."),
    ("pt", "A fatura deve ser paga até o fim do mês, não esqueça."),
    ("nl", "De factuur moet voor het einde van de maand betaald worden."),
    ("sv", "Fakturan ska betalas före slutet av månaden och det är viktigt."),
    ("da", "Fakturaen skal betales inden udgangen af måneden, og det er vigtigt af hensyn til os."),
    (
        "nb",
        "Fakturaen skal betales innen utgangen av måneden, og det er nå viktig for oss av mange.",
    ),
    ("pl", "Faktura musi być zapłacona przed końcem miesiąca, bo to jest ważne."),
    ("cs", "Faktura musí být zaplacena do konce měsíce, protože je to důležité."),
    ("fi", "Lasku on maksettava ennen kuun loppua, ja se on tärkeää."),
    ("tr", "Fatura ay sonundan önce ödenmelidir ve bu çok önemli."),
    ("ro", "Factura trebuie plătită până la sfârșitul lunii și este importantă."),
    ("ru", "Счёт нужно оплатить до конца месяца."),
    ("uk", "Рахунок потрібно сплатити до кінця місяця, і це важливо."),
    ("el", "Το τιμολόγιο πρέπει να πληρωθεί"),
    ("zh", "发票必须在月底前付款。"),
    ("ja", "請求書は月末までに支払ってください。"),
    ("ko", "청구서는 월말까지 지불해야 합니다."),
    ("ar", "يجب دفع الفاتورة قبل نهاية الشهر"),
    ("fa", "این گزارش چهار صفحه دارد"),
    ("he", "יש לשלם את החשבונית"),
    ("hi", "चालान का भुगतान"),
    ("th", "ต้องชำระใบแจ้งหนี้"),
]


@pytest.mark.parametrize(("code", "text"), TEXTS)
def test_a_sentence_tells_its_language(code: str, text: str) -> None:
    assert language(text) == code


@pytest.mark.parametrize("text", ["", "   ", "12345 67", "xqzt", "!!!", "🎉🎉"])
def test_what_has_no_language_is_unknown(text: str) -> None:
    assert language(text) == ""


def test_one_foreign_word_does_not_change_the_language() -> None:
    assert (
        language("The word Schadenfreude is used in English, and so is 道 in philosophy.") == "en"
    )


@given(st.text())
def test_any_text_gets_a_known_answer(text: str) -> None:
    others = {
        "",
        "ru",
        "uk",
        "be",
        "sr",
        "bg",
        "el",
        "zh",
        "ja",
        "ko",
        "ar",
        "fa",
        "he",
        "hi",
        "th",
    }
    assert language(text) in others | set(COMMON)
