from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.text.paperwork import find_date, read_paper

TODAY = date(2026, 11, 20)
DAY = date(2026, 3, 3)

INVOICES = [
    (
        "Invoice 4711\nAcme GmbH\nDate: 3 March 2026\nTotal: 119.00 EUR",
        ("Acme", DAY, "4711", "119.00 EUR"),
    ),
    (
        "ACME Corp.\n12 Main Street\nINVOICE #INV-2026-0042\nInvoice date: 03/04/2026\n"
        "Due date: 05/04/2026\nBill to:\nJohn Doe\nBar Inc.\nSubtotal $100.00\nTotal due: $119.00",
        ("ACME", date(2026, 3, 4), "INV-2026-0042", "$119.00"),
    ),
    (
        "Stadtwerke München GmbH\nRechnung\nRechnungsnummer: 2026/0815\nLieferdatum: 01.03.2026\n"
        "Rechnungsdatum: 03.03.2026\nFällig: 17.03.2026\nGesamtbetrag 119,00 €\nMwSt 19%",
        ("Stadtwerke München", DAY, "2026/0815", "119,00 €"),
    ),
    (
        "Orange SA\nFacture n° F-9981\nDate de facture : 3 mars 2026\nMontant total TTC 59,99 €",
        ("Orange", DAY, "F-9981", "59,99 €"),
    ),
    (
        "Iberdrola S.A.\nFactura nº 55-1234\nFecha: 3 de marzo de 2026\nImporte total 45,10 €",
        ("Iberdrola", DAY, "55-1234", "45,10 €"),
    ),
    (
        "From: Acme\nInvoice No. 4711\nAmount due 100.00 EUR\n2026-03-03",
        ("Acme", DAY, "4711", "100.00 EUR"),
    ),
]


@pytest.mark.parametrize(("text", "found"), INVOICES)
def test_an_invoice_gives_its_sender_date_number_and_total(
    text: str, found: tuple[str, date, str, str]
) -> None:
    got = read_paper(text, today=TODAY)
    assert got.sort == "invoice"
    assert (got.sender, got.date, got.number, got.total) == found
    assert got.sure > 0.8


def test_the_one_who_pays_is_not_the_sender() -> None:
    text = "Invoice 12345\nBill to:\nBar Inc.\n1 Street\nTotal 5.00 EUR\nAcme GmbH, Berlin"
    assert read_paper(text, today=TODAY).sender == "Acme"


@pytest.mark.parametrize(
    ("sort", "text"),
    [
        ("receipt", "Corner Shop\nReceipt\n3 March 2026\nTotal 12.50\nPaid cash"),
        ("receipt", "Kaffeehaus\nQuittung\nSumme 4,50 €\nbar bezahlt"),
        ("contract", "Rental contract\nThis agreement between the parties: termination."),
        ("contract", "Mietvertrag\nzwischen Vermieter und Mieter\nKündigung, Laufzeit"),
        ("contract", "Contrat de bail\nLes parties ... ci-après ... résiliation"),
        ("statement", "Kontoauszug\nSparkasse\nIBAN DE89\nalter Kontostand, Saldo"),
        ("payslip", "Gehaltsabrechnung März 2026\nBrutto 5000 Netto 3100 Steuerklasse 1"),
        ("tax", "Steuerbescheid 2025\nFinanzamt München\nSteuernummer 12/345"),
        ("ticket", "Boarding pass\nFlight LH123 gate 5 seat 12A passenger"),
        ("ticket", "Billet électronique\nDépart Paris, siège 12, passager Dupont"),
        ("application", "Lebenslauf\nBerufserfahrung, Ausbildung, Kenntnisse"),
        ("manual", "User manual\nWarning: safety first. Troubleshooting, warranty."),
        ("paper", "Deep nets\nAbstract\nWe show.\nKeywords: a\nReferences\ndoi:10.1234/x"),
    ],
)  # fmt: skip
def test_papers_are_told_by_their_words(sort: str, text: str) -> None:
    assert read_paper(text, today=TODAY).sort == sort


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Dear Bob, lunch tomorrow? See the invoice I sent.",
        "The invoice department of our company grew in 2020.",
        "A story about a contract killer who missed his train and his ticket to Rome.",
    ],
)
def test_a_word_in_passing_makes_no_paper(text: str) -> None:
    assert read_paper(text, today=TODAY).sort == ""


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("on 2026-03-03 we", DAY),
        ("3.3.2026", DAY),
        ("03.03.26", DAY),
        ("3 mars 2026", DAY),
        ("March 3rd, 2026", DAY),
        ("2026年3月3日", DAY),
        ("3/4/2026", date(2026, 4, 3)),
        ("$5 on 3/4/2026", date(2026, 3, 4)),
        ("3/14/2026", date(2026, 3, 14)),
        ("born 1 May 1980, written 3 March 2026", DAY),
        ("due 1 May 2026; date: 3 March 2026", DAY),
        ("in the year 2099: 1.1.2099", None),
        ("31.02.2026", None),
        ("version 1.2.3 of 12-34-5678", None),
        ("no date", None),
    ],
)
def test_the_date_of_a_document_is_found(text: str, day: date | None) -> None:
    assert find_date(text, TODAY) == day


@given(st.text(max_size=300))
def test_any_text_is_safe(text: str) -> None:
    got = read_paper(text, title=text[:50], today=TODAY)
    assert 0 <= got.sure <= 1
    assert len(got.sender) <= 40


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "evil", ["invoice " * 5_000, "total " * 5_000, "1.1." * 5_000, "A " * 9_000]
)
def test_hostile_text_ends_soon(evil: str) -> None:
    read_paper(evil, today=TODAY)
