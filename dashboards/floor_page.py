"""The pages of floors: `/` shows the first, `/floor/{floor}` one."""

from __future__ import annotations

from fastapi import Request

from dashboards import duty, plan
from dashboards.frame import Content, NoSuchPageError, Visit, add_page
from dashboards.markup import head_of
from dashboards.page import FloorPage
from dashboards.site import Site
from dashboards.texts import Texts
from hall.layout import Floor


def add(site: Site) -> None:
    """Add them."""
    floors = {floor.id: floor for floor in site.hall.floors}
    plans, duties = plan.add(site), duty.feed_of(site)
    head = plan.HEAD_HTML + head_of(duty.HEAD_FOLDER)

    def asked(request: Request) -> Floor | None:
        return floors.get(request.path_params.get("floor", site.hall.floors[0].id))

    def check(request: Request, texts: Texts) -> None:
        if asked(request) is None:
            raise NoSuchPageError(texts.floor_unknown.format(floor=request.path_params["floor"]))

    async def build(visit: Visit) -> Content:
        floor = asked(visit.request)
        assert floor is not None
        page = FloorPage(visit, floor, plans[floor.id], duties, await site.feed.board(floor, visit.lang))
        await page.refresh()
        return page

    for path in ("/", "/floor/{floor}"):
        add_page(site, path, build, name="floor", check=check, head=head)
