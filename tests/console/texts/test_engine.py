"""What the engine says, in Turkish: every sentence that a page may show, and none said wrongly."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from console.texts import Texts, Told, engine
from console.texts.pattern import Pattern
from tests.console.texts import sentences

PIECES = frozenset(
    {
        # Parts that have a pattern with the rest of their sentence.
        "{} {} is asked",
        "{} {}, which cannot be written ({}): set it to the address of an MLflow server, or "
        "KANARYA_HOME to a folder that can be written, and run it again",
        "{} is not set, so MLflow's database would be",
        "{} more {} in the report",
        "{} without a value of the target {} {} left out.",
        "{}, {} {}, {} at most {} {}.",
        "As good as it, {} to {} better (alpha {})",
        "Better by {}, {} to {} (alpha {})",
        "Worse by {}, {} to {} better (alpha {})",
        "{} on {} rows{}",
        "{}: it is shown {}.",
        "{}: too few to tell whether it is {}{}; {}.",
        "{}to be {}",
        "to be better",
        "worse by more than {}",
        "{}; look at `kubectl describe isvc {}`",
        "{}; {} and run it again",
        "{}; on these test rows it has {}{}.",
        "{}with --app-name basic-auth?",
        "the MLflow server {} did not do it ({}): is it started",
        "the canary had {} request{}, {} more {} needed",
        "the split of {} % {}",
        "the stable revision answered only {} mirrored rows",
        ", and whether ingress.enableGatewayApi is on",
        "by more than {}",
        "{}: outside of training's {} in {} of the rows.",
        "did you mean {}?",
        "in parts of its size",
        "of the {} that were wanted",
        "predicted classes differ by {} (canary, {} answers), {} are tolerated; {}: {} against {}",
        "other file",
        "{} times, last",
        "(commit {} then, {} now)",
        "(it sends to {})",
        # Of reports, which are English.
        "**The gate {} this candidate.**",
        "| check | metric | candidate | limit | passed |",
        "the pictures can be trained on",
        "Validation of pictures",
        "{} pictures of {}: {}.",
        "to train on",
        "to test on",
        "Some pictures of each class",
        # What other programs say, or read.
        "Attribute `prob",
        "a tree that points",
        "a support vector machine that points",
        "Invalid Host header",
        "module {} has no attribute {}",
        "Value error,",
        "Ankle boot",
        "Traceback (most recent",
        "API request to",
        "No experiment",
        "certificate verify failed: ([^(\\]]+)",
        "Hash mismatch for \\\\*'(.+?)\\\\*': Expected",
        "attributes.status = 'RUNNING'",
        "{} and tags.`{}` LIKE '%'",
        "tags.`{}` = '{}' and status != 'RUNNING'",
        "status = 'RUNNING'",
        "created_at desc",
        "prime256v1, secp384r1 or secp521r1",
        "text/plain, application/json;q=0.9",
        "kanarya rollout rollback {}",
        "kanarya rollout history {}",
        "insert into task (queue, data, priority) values (?, ?, ?)",
        "delete from kv where queue = ? and key = ?",
        "import sys; from components.tracking import fail_runs; fail_runs(*sys.argv[1:])",
        "%s The rules are as they would be without it.",
        # Names of the program's own states.
        "set percent",
        "roll back",
        "too few",
        "not measured",
        "evidence of another make",
    }
)

SAMPLES = {"m": "rmse", "p": "7 %", "t": "7 s"}


def test_every_sentence_that_a_page_may_show_has_a_turkish_one() -> None:
    missing = [
        f"{each.place}: {each.pattern.replace(sentences.PLACE, '{}')}"
        for each in {found.pattern: found for found in sentences.shown()}.values()
        if "\n" not in each.pattern
        and each.pattern.replace(sentences.PLACE, "{}").strip() not in PIECES
        and not any(map(engine.turkish, each.samples))
    ]
    assert missing == [], "write these into console/texts/engine/*.toml"


def test_a_pattern_has_the_same_places_in_both_languages() -> None:
    for english, turkish in engine.entries():
        names = [
            {name for _, name, _, _ in Formatter().parse(each) if name}
            for each in (english, turkish)
        ]
        assert names[0] >= names[1], english
        assert Pattern.of(english, turkish).turkish == turkish


def test_no_pattern_is_there_twice_or_hides_another() -> None:
    known = [english for english, _ in engine.entries()]
    assert len(known) == len(set(known))
    for english, turkish in engine.entries():
        pattern = Pattern.of(english, turkish)
        places = {name: SAMPLES.get(kind, "7") for name, kind in pattern.places}
        assert engine.turkish(re.sub(r":\w\}", "}", english).format(**places)) == turkish.format(
            **places
        )


@pytest.mark.parametrize(
    ("said", "turkish"),
    [
        (
            "validate: The table cannot be trained on: The target 'tür' has a single class, 'x', "
            "in all 4 rows: there is nothing to tell apart, choose another target. (log: /h/v.log)",
            "validate: Bu tabloyla eğitim yapılamaz: 'tür' hedefinde 4 satırın tamamında tek sınıf "
            "var, 'x': ayırt edilecek bir şey yok, başka bir hedef seçin. (günlük: /h/v.log)",
        ),
        (
            "accuracy 0.9 is worse than the champion's 0.95 (version 3) by more than 0.02, on the "
            "same test rows. Worse by 0.05, -0.1 to -0.02 better (alpha 0.05) on 900 rows, McNemar "
            "p 0.001: it is shown to be worse by more than 0.02.",
            "accuracy değeri 0.9, aynı test satırlarında şampiyonunkinden (0.95, sürüm 3) 0.02 "
            "payından daha fazla kötü. 900 satırda 0.05 daha kötü (iyileşme -0.1 ile -0.02 "
            "arasında, alfa 0.05), McNemar p değeri 0.001: 0.02 payından daha fazla kötü olduğu "
            "kanıtlandı.",
        ),
        (
            "the model answered 400: Row 0 (counted from 0), column 'boy': got null, expected a "
            "number (at most 3.4e38).",
            "modelin yanıtı 400: Satır 0 (0'dan sayılır), 'boy' sütunu: gelen null, beklenen bir "
            "sayı (en çok 3.4e38).",
        ),
        (
            "error rate 40.0 % (canary, 55 requests) against 0.0 % (stable) + 2.0 %; chance does "
            "that in one of 1,000 rollouts at most",
            "hata oranı %40.0 (kanarya, 55 istek); karşısında %0.0 (kararlı) + %2.0; rastlantıyla "
            "bu, en çok 1,000 dağıtımdan birinde olur",
        ),
        (
            "no verdict at 10 % after 600 s: the canary had 3 requests, 312 more are needed; go on "
            "with `kanarya rollout resume iris`, or `promote` or `abort` in its place",
            "%10 payında 600 s sonunda karar çıkmadı: kanaryaya 3 istek geldi, 312 istek daha "
            "gerekiyor; `kanarya rollout resume iris` ile sürdürün ya da yerine `promote` veya "
            "`abort` kullanın",
        ),
        (
            "x: median 1 -> 9 (of two rows the new one is above the old in 97 %). y: missing in "
            "0.0% of the rows -> 30.0%.",
            "x: ortanca 1 -> 9 (rastgele iki satırdan yenisi %97 olasılıkla daha büyük). y: "
            "satırların %0.0 -> %30.0 oranında boş.",
        ),
        (
            "version 2 of iris is live, and version 1 of iris is what a rollback goes back to",
            "iris sürüm 2 canlı ve iris sürüm 1 geri dönüşte kullanılacak sürüm",
        ),
        (
            "/d/a.csv: it has no column 'fiyatt' to predict: did you mean fiyat? The 3 columns "
            "are: 'm2', 'oda', 'fiyat'.",
            "/d/a.csv: tahmin edilecek 'fiyatt' sütunu yok: fiyat mi demek istediniz? 3 sütun var: "
            "'m2', 'oda', 'fiyat'.",
        ),
        (
            "predicted classes differ by 66.7 % (canary, 26 answers), 20.0 % are tolerated; "
            "virginica: 100.0 % against 33.3 %; chance does that in one of 605 rollouts at most",
            "tahmin edilen sınıflar %66.7 farklı (kanarya, 26 yanıt), %20.0 hoş görülür; "
            "virginica: %100.0, karşısında %33.3; rastlantıyla bu, en çok 605 dağıtımdan birinde "
            "olur",
        ),
        (
            "name = 'A B': a name is also the InferenceService's: lower-case letters, digits and "
            "'-', beginning with a letter, at most 53 characters; model: svm: hyperparameter C is "
            "-1; input should be greater than 0",
            "name = 'A B': ad aynı zamanda InferenceService'in adıdır: küçük harf, rakam ve '-'; "
            "harfle başlar, en çok 53 karakter; model: svm: C hiperparametresi -1; 0 değerinden "
            "büyük olmalı",
        ),
        (
            "The rollout of version 3 of iris has waited for a person for 2 h. It is held: no "
            "verdict at 10 % after 600 s: the canary had 3 requests, 312 more are needed. Decide "
            "it: kanarya rollout show iris",
            "iris sürüm 3 dağıtımı 2 saat süredir bir kişiyi bekliyor. Bekletiliyor: %10 payında "
            "600 s sonunda karar çıkmadı: kanaryaya 3 istek geldi, 312 istek daha gerekiyor. Karar "
            "verin: kanarya rollout show iris",
        ),
        (
            "iris has asked for 2 days to be trained anew, and is not. Its schedule asked for it "
            "at 2026-01-01; but ayse has paused it. Give it new data or a larger budget: kanarya "
            "retrain iris --dry-run",
            "iris 2 gün süredir yeniden eğitilmek istiyor, ama eğitilmiyor. Takvimi 2026-01-01 "
            "için istedi; ama ayse duraklattı. Yeni veri ya da daha büyük bir bütçe verin: kanarya "
            "retrain iris --dry-run",
        ),
        ("91.0% (80.0% to 95.0%)", "%91.0 (%80.0 – %95.0)"),
    ],
    ids=[
        *(
            "failed",
            "worse",
            "refused",
            "judge",
            "held",
            "drift",
            "kept",
            "column",
            "classes",
            "form",
        ),
        *("alert", "alert of a model", "interval"),
    ],
)
def test_a_sentence_is_said_with_what_stands_in_its_places(said: str, turkish: str) -> None:
    assert Texts("tr").told(said) == Told(turkish, "tr")
    assert Texts("en").told(said) == Told(said, "en")


@pytest.mark.parametrize(
    "said",
    [
        "the library that we use says something of its own",
        "KeyError: 'species'",
        "something is missing and nobody knows what it could be, because it is new",
        "better luck next time, and worse than that",
        "of a rollout of ours; and nothing of it is known",
    ],
    ids=["foreign", "exception", "generic", "half", "parts"],
)
def test_what_is_not_known_stays_english_and_is_marked_so(said: str) -> None:
    assert Texts("tr").told(said) == Told(said, "en")


def test_names_and_values_are_not_said_in_another_language() -> None:
    said = Texts("tr").told(
        "Column 'better' is missing in all 9 rows: leave it out with --drop 'x'."
    )
    assert "'better' sütunu 9 satırın tamamında boş" in said.text


@pytest.mark.parametrize("said", ["a " * 50_000, "{name} {0} {", "x: " * 300, "at 5 % and " * 99])
def test_anything_may_have_been_said(said: str) -> None:
    assert Texts("tr").told(said).text


@pytest.mark.parametrize(
    ("text", "turkish"),
    [
        ("12.5 %", "%12.5"),
        ("10 % → 9.8 %", "%10 → %9.8"),
        ("100%", "%100"),
        ("{value} %", "%{value}"),
        ("http://h/a%20b 5%20c", "http://h/a%20b 5%20c"),
        ("–", "–"),
    ],
)
def test_percents_stand_as_the_language_writes_them(text: str, turkish: str) -> None:
    assert Texts("tr").percents(text) == turkish
    assert Texts("en").percents(text) == text
