"""Reports in a real browser, at the widths of a desk and of a phone, in light and dark."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import pipelines
from comps import boosting, series_competition
from tests.tables import own, table, unseen

pytestmark = pytest.mark.browser

LAYOUTS = [(width, scheme) for width in (390, 1400) for scheme in ("light", "dark")]
HERE: dict[str, Any] = {"engine": "inline", "folds": 3, "checks": False}
# What is seen of each chart, table and picture, and of the page itself.
MEASURES = """() => ({
  page: [document.documentElement.scrollWidth, window.innerWidth],
  charts: [...document.querySelectorAll('main svg')].map((chart) => {
    const box = chart.getBoundingClientRect();
    const texts = [...chart.querySelectorAll('text')].map((text) => text.getBoundingClientRect());
    return {
      name: chart.getAttribute('aria-label').slice(0, 40),
      size: [box.width, box.height],
      outside: texts.filter((t) => t.left < box.left - 8 || t.right > box.right + 8
        || t.top < box.top - 3 || t.bottom > box.bottom + 3).length,
      inks: [...chart.querySelectorAll('text')].map((text) => getComputedStyle(text).fill),
    };
  }),
  paper: getComputedStyle(document.body).backgroundColor,
})"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser of the system; `.ci/run` installs it where it is missing."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "there is no chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        # In a container the sandbox has no rights.
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages of runs on values, on three classes, and on a series with a search."""
    runs = tmp_path_factory.mktemp("runs")
    small = boosting("lightgbm", rounds=30, num_leaves=4, min_data_in_leaf=3)
    rows = table(80)
    rows.loc[:20, "b"] = np.nan
    rows["a town with a name so long that it has no room"] = np.where(rows["a"] > 0, "x", "y")
    classes = own(table(90, kind="three"), metric="log-loss", name="three")
    results = [
        pipelines.run(competition, models=[*models, small], runs=runs, **HERE)
        for competition, models in (
            (own(rows, name="values"), ["median", "ridge"]),
            (classes, ["class-share", LogisticRegression()]),
        )
    ]
    results.append(searched_series(runs))
    return {made.competition.name: pipelines.report(made, runs=runs).path for made in results}


def searched_series(runs: Path) -> pipelines.Result:
    """Return a run on a series, of which a model was tuned."""
    hours = pd.date_range("2024-01-30", periods=900, freq="h").to_series(name="hour")
    day = 5 * np.sin(np.arange(900) * np.pi / 12) + np.random.default_rng(0).normal(size=900)
    rows = hours.reset_index(drop=True).to_frame().assign(load=20 + day)
    shop = series_competition(
        rows, time="hour", target="load", horizon=3, metric="mae", name="series"
    )
    choices: dict[str, Any] = {"engine": "inline", "runs": runs}
    pipelines.tune(shop, "ridge", trials=6, outer=0, prune=False, **choices)
    return pipelines.run(shop, models="seasonal-naive,ridge", checks=False, **choices)


@pytest.fixture(params=["values", "three", "series"])
def path(request: pytest.FixtureRequest, pages: dict[str, Path]) -> Path:
    return pages[request.param]


def opened(browser: Any, path: Path, width: int, scheme: str) -> tuple[Any, list[str]]:
    """Return a page, and what the browser complained of or asked for beside it."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    told: list[str] = []
    page.on("console", lambda message: told.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda asked: told.append(asked.url))
    page.goto(path.as_uri())
    beside = [line for line in told if line != path.as_uri() and not line.startswith("data:")]
    return page, beside


@pytest.mark.parametrize(("width", "scheme"), LAYOUTS)
def test_all_charts_are_seen_and_nothing_is_asked_for(
    browser: Any, path: Path, width: int, scheme: str
) -> None:
    page, beside = opened(browser, path, width, scheme)
    assert not beside
    found = page.evaluate(MEASURES)
    # Nothing but tables is wider than the window.
    assert found["page"][0] <= found["page"][1]
    assert len(found["charts"]) > 5
    for chart in found["charts"]:
        assert min(chart["size"]) > 60 and chart["size"][0] <= width, chart["name"]
        assert not chart["outside"], chart["name"]
    dark = scheme == "dark"
    assert (brightness(found["paper"]) < 0.2) == dark
    inks = [brightness(ink) for chart in found["charts"] for ink in chart["inks"]]
    # Those on the cells of heat maps are black or white whatever the page is.
    assert np.mean([(ink > 0.7) == dark for ink in inks]) > 0.6
    page.close()


def brightness(colour: str) -> float:
    """Return how bright a colour is, 0 to 1."""
    numbers = colour.partition("(")[2].rstrip(")").split(",")[:3]
    return float(np.mean([float(number) for number in numbers]) / 255)


@pytest.mark.parametrize("key", ["mouse", "keyboard"])
def test_tables_are_sorted_by_number_and_by_text(
    browser: Any, pages: dict[str, Path], key: str
) -> None:
    page, _ = opened(browser, pages["values"], 1400, "light")
    head = page.locator("#leaderboard th button")
    names = [text.strip() for text in head.all_inner_texts()]
    for name in ("fit, s", "member"):
        place = names.index(name)
        shown = []
        for direction in ("ascending", "descending"):
            if key == "mouse":
                head.nth(place).click()
            else:
                head.nth(place).press("Enter")
            sort = page.locator("#leaderboard th").nth(place).get_attribute("aria-sort")
            assert sort == direction
            cells = page.locator(f"#leaderboard tbody td:nth-child({place + 1})")
            exact = [cell.get_attribute("data-v") for cell in cells.all()]
            texts = cells.all_inner_texts()
            shown.append([float(number) for number in exact] if name == "fit, s" else texts)
        assert shown[0] == sorted(shown[0]) and shown[1] == shown[0][::-1]
        assert len(set(shown[0])) > 1
    page.close()


def test_cells_without_a_value_stay_at_the_end(browser: Any, pages: dict[str, Path]) -> None:
    page, _ = opened(browser, pages["values"], 1400, "light")
    heads = page.locator("#leaderboard th button")
    place = [text.strip() for text in heads.all_inner_texts()].index("weight")
    for _ in range(2):
        heads.nth(place).click()
        cells = page.locator(f"#leaderboard tbody td:nth-child({place + 1})").all_inner_texts()
        assert "" in cells and cells == sorted(cells, key=lambda text: text == "")
    page.close()


@pytest.mark.parametrize(("width", "scheme"), LAYOUTS)
def test_axe_finds_no_serious_fault(browser: Any, path: Path, width: int, scheme: str) -> None:
    from axe_playwright_python.base import AXE_SCRIPT

    page, _ = opened(browser, path, width, scheme)
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run()")
    faults = [
        f"{fault['id']}: {node['html'][:200]}"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]
    assert not faults
    assert len(found["passes"]) > 10
    page.close()


def test_it_prints_light_and_whole(browser: Any, pages: dict[str, Path], tmp_path: Path) -> None:
    page, _ = opened(browser, pages["values"], 1400, "dark")
    page.emulate_media(media="print")
    assert brightness(page.evaluate("getComputedStyle(document.body).backgroundColor")) > 0.9
    assert not page.locator("nav").is_visible()
    hidden = page.evaluate(
        "[...document.querySelectorAll('.scroll')]"
        ".filter((one) => one.scrollHeight > one.clientHeight + 2).length"
    )
    assert hidden == 0
    page.pdf(path=tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").stat().st_size > 20_000
    page.close()


def test_code_in_the_data_does_not_run(browser: Any, tmp_path: Path) -> None:
    code = "document.title='hacked'"
    names = {"a": f'<img src=x onerror="{code}">', "b": f"<script>{code}</script>"}
    rows, new = table(60).rename(columns=names), unseen().rename(columns=names)
    result = pipelines.run(own(rows, new), models=["median", "ridge"], runs=tmp_path, **HERE)
    page, beside = opened(browser, pipelines.report(result, runs=tmp_path).path, 1400, "light")
    assert not beside and "hacked" not in page.title()
    assert page.locator("#data table").inner_text().count("hacked") == 2
    page.close()
