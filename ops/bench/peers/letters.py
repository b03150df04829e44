"""ReportLab's way to the same letter: A4, drawn logo, address, fixed paragraphs, unique QR, two embedded TrueType fonts.

No tags, no PDF/A, no hyphenation. Prints one JSON line. Usage: letters.py COUNT [FOLDER]; needs reportlab.
"""
import io, json, resource, sys
from pathlib import Path
from reportlab.graphics import renderPDF
from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.lib.enums import TA_JUSTIFY
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph

count = int(sys.argv[1])
fonts = Path(__file__).resolve().parents[3] / "templates/letters/fonts"
pdfmetrics.registerFont(TTFont("Text", fonts / "OpenSans-Regular.ttf"))
pdfmetrics.registerFont(TTFont("Bold", fonts / "OpenSans-Semibold.ttf"))
body = ParagraphStyle("body", fontName="Text", fontSize=9.5, leading=12.7, alignment=TA_JUSTIFY, spaceAfter=5)
head = ParagraphStyle("head", fontName="Bold", fontSize=10, leading=13, spaceBefore=8, spaceAfter=3)
FACTS = (("Quando", "lunedì 14 dicembre 2026, ore 10:30"), ("Dove", "Via dei Portici 24, Bolzano, sala 2"),
         ("Procedimento", None), ("Materia", "Condominio"), ("Valore", "€ 12.500,00"))
TEXT = (
    (body, "le scriviamo perché il 10 novembre 2026 il Condominio Aurora ha depositato presso il nostro organismo una domanda di mediazione che la riguarda. La mediazione è un colloquio riservato, guidato da una persona imparziale, per cercare insieme un accordo. Non è una causa: il mediatore non dà torto o ragione a nessuno."),
    (head, "Che cosa le chiediamo"),
    (body, "Ci dica se parteciperà, entro mercoledì 9 dicembre 2026. Se quel giorno non può, ce lo scriva: cercheremo con tutti un’altra data. Può anche chiedere di partecipare da remoto, in collegamento audio e video (art. 8-ter D.Lgs. 28/2010)."),
    (body, "Per rispondere inquadri con il telefono il codice QR stampato in questa lettera, oppure scriva o telefoni alla segreteria: i recapiti sono in fondo alla pagina."),
    (head, "L’avvocato"),
    (body, "Si partecipa di persona; per giustificati motivi si può delegare, per iscritto, chi conosce i fatti e può decidere. Quando la mediazione è obbligatoria per legge o l’ha disposta il giudice, ogni parte è assistita da un avvocato (art. 8 D.Lgs. 28/2010). Se ha già un avvocato, gli mostri questa comunicazione: può rispondere per lei."),
    (head, "Se non partecipa"),
    (body, "Chi non si presenta al primo incontro senza un giustificato motivo può subirne le conseguenze in un’eventuale causa: il giudice può trarne argomenti di prova e, quando la mediazione è condizione per procedere in giudizio, condanna la parte costituita che era assente a versare allo Stato il doppio del contributo unificato."),
)


def letter(number, with_code):
    out = io.BytesIO()
    page = Canvas(out, pagesize=A4)
    page.setTitle("Convocazione al primo incontro di mediazione")
    page.circle(30 * mm, 270 * mm, 4 * mm, fill=1)
    page.setFont("Bold", 13)
    page.drawString(40 * mm, 271 * mm, "Organismo di Mediazione San Giovanni")
    page.setFont("Text", 10)
    for line, words in enumerate((f"ANNA {number} D'ALO'", f"VIA ROMA {number}", "38122 TRENTO TN")):
        page.drawString(110 * mm, 248 * mm - line * 13, words)
    if with_code:
        code = QrCodeWidget(f"HTTPS://MESSO.EXAMPLE/Q/{number:028X}", barLevel="Q", barWidth=30 * mm, barHeight=30 * mm)
        drawing = Drawing(30 * mm, 30 * mm)
        drawing.add(code)
        renderPDF.draw(drawing, page, 20 * mm, 222 * mm)
    page.setFont("Text", 9.5)
    page.drawString(22 * mm, 200 * mm, f"Gentile Anna {number} D’Alò,")
    y = 196 * mm
    for label, value in FACTS:
        y -= 13
        page.setFont("Text", 9.5); page.drawString(27 * mm, y, label)
        page.setFont("Bold", 9.5); page.drawString(59 * mm, y, value or f"n. {number}/2026")
    for style, words in TEXT:
        paragraph = Paragraph(words, style)
        _, height = paragraph.wrap(168 * mm, y)
        y -= height + style.spaceBefore + style.spaceAfter
        paragraph.drawOn(page, 22 * mm, y)
    page.setFont("Text", 7.5)
    page.drawString(22 * mm, 15 * mm, "Via dei Portici 24, 39100 Bolzano BZ · Tel. 0471 000 123 · segreteria@mediazione.example")
    page.save()
    return out.getvalue()


def measure(with_code):
    used = lambda: sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    letter(0, with_code)
    before = used()
    size = sum(len(letter(number, with_code)) for number in range(1, count + 1))
    return round((used() - before) * 1000 / count, 2), size // count


if len(sys.argv) > 2:
    Path(sys.argv[2], "reportlab.pdf").write_bytes(letter(7, True))
(plain, _), (coded, size) = measure(False), measure(True)
print(json.dumps({"letters": count, "by": "reportlab", "cpu_ms_each": coded, "without_code": plain, "bytes_each": size}))
