"""/v1/search/rules: curation, synonyms and words, changed while the shop is open."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.concurrency import run_in_threadpool

from shoplens.domain.search_rules import RuleKind
from shoplens.http.keys import needs
from shoplens.http.routes.shop import Shop
from shoplens.http.wire.fields import PROBLEMS
from shoplens.http.wire.search_rules import ChangedRules, SearchRulesAnswer, SearchRulesIn, files_json, rules_json

router = APIRouter(tags=["search"], responses=PROBLEMS)
RuleId = Annotated[int, Path(ge=1, le=2**53)]


@router.get("/v1/search/rules", response_model=SearchRulesAnswer, dependencies=[needs("read", "analysis", "catalogue")])
async def get_rules(
    shop: Shop,
    kind: RuleKind | None = None,
    removed: Annotated[bool, Query(description="Those that were taken away instead.")] = False,
) -> dict[str, Any]:
    """What the shop told its search: pinned, hidden, boosted and buried products, synonyms, words of its own."""

    def look() -> dict[str, Any]:
        rules = shop.search.rules
        return {"rules": rules_json(rules.list(kind, removed=removed)), "files": files_json(rules.files())}

    return await run_in_threadpool(look)


@router.post(
    "/v1/search/rules", response_model=ChangedRules, status_code=201, dependencies=[needs("write", "catalogue")]
)
async def post_rules(body: SearchRulesIn, shop: Shop) -> dict[str, Any]:
    """Tell rules; every worker searches by them within a second. Those that hold already are not told twice."""
    made = await run_in_threadpool(shop.search.tell, body.told(), replace=body.replace)
    return {"rules": rules_json(made)}


@router.delete("/v1/search/rules/{rule_id}", response_model=ChangedRules, dependencies=[needs("write", "catalogue")])
async def delete_rule(rule_id: RuleId, shop: Shop) -> dict[str, Any]:
    """Take a rule away. It is kept, and can be restored."""
    return {"rules": rules_json(await run_in_threadpool(shop.search.take_away, [rule_id]))}


@router.post(
    "/v1/search/rules/{rule_id}/restore", response_model=ChangedRules, dependencies=[needs("write", "catalogue")]
)
async def restore_rule(rule_id: RuleId, shop: Shop) -> dict[str, Any]:
    """Let a rule hold again."""
    return {"rules": rules_json(await run_in_threadpool(shop.search.restore, [rule_id]))}
