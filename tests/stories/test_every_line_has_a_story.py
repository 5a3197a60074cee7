"""What the daemon promises about the life of an order, promise by promise, and the stories that show it.

A promise without a story, and a story that is no longer there, is a failure. So is a promise that no story shows on V2, where it can
be kept there: `.ci/run` names the files that are told on V2 too.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
CI = TESTS.parent / ".ci" / "run"
ALWAYS_ON_V2 = ("orders_on_v2", "rates")
"""Their settings say so, whatever the environment does."""

STORIES: dict[str, str] = {
    # Orders going in
    "edits before the label": "orders_in: each_owned_field_follows_until_the_label, lines_added_and_removed_move_units_totals_and_weight",
    "what the warehouse set is kept": "places_and_parts: what_the_warehouse_set_is_kept_through_every_edit",
    "the same field edited on both sides": "orders_in: a_field_changed_on_both_sides_stays_until_a_person_takes_a_side",
    "edits after the label": "orders_in: another_address_after_the_label_needs_a_person",
    "refunds by units, everything refunded": "orders_in: refunds_before_shipping_go_by_units_and_never_by_money",
    "cancelled before the push and before the label": "places_and_parts: a_cancellation_before_the_push_leaves_no_trace_and_one_before_the_label_cancels",
    "cancelled orders held by setting": "orders_in: a_store_may_have_cancelled_orders_held_for_a_person",
    "cancelled after the label": "orders_in: a_cancellation_after_the_label_is_never_swallowed",
    "voided only if switched on": "orders_in: a_label_is_voided_where_the_store_wants_it_and_the_order_then_cancelled, a_label_of_a_merged_order_is_never_voided_for_one_of_them",
    "a label bought while we cancel": "orders_in: a_label_bought_while_we_cancel_is_caught_by_reading_back",
    "holds and releases": "orders_in: a_hold_rests_in_shipstation_too_and_a_release_wakes_the_same_order, a_store_may_have_held_goods_taken_out_instead, a_hold_of_the_warehouse_outlives_one_of_the_merchant, an_order_that_is_held_before_it_was_sent_is_kept_back",
    "partial holds": "orders_in: a_hold_on_some_units_leaves_the_others_free_to_go",
    "scheduled and pre-order parts": "orders_in: a_preorder_waits_for_its_date_and_goes_by_itself; kinds_of_sales: a_prepaid_subscription_sends_what_is_due_and_the_rest_on_its_day",
    "fraud gate": "orders_in: a_late_fraud_verdict_puts_the_order_on_hold_until_a_person_releases_it, a_fraud_verdict_before_the_push_keeps_the_order_back, a_careful_store_holds_what_should_be_investigated, an_analysis_that_never_ends_keeps_an_order_back_for_a_time",
    "grace period": "orders_in: edits_do_not_postpone_the_end_of_the_grace_period",
    "location to warehouse and store": "places_and_parts: a_sale_from_two_locations_is_two_orders_whose_money_adds_up, what_lies_where_no_warehouse_is_set_waits_for_a_person_and_the_rest_goes",
    "moves whole and partial": "orders_in: goods_that_move_to_another_location_leave_from_there",
    "pickup, local delivery, carry-out, mixed baskets": "eligibility: every_kind_of_order_has_the_cause_of_its_kind; kinds_of_sales: of_a_mixed_basket_only_what_is_shipped_is_sent_and_told, what_was_to_be_picked_up_is_sent_once_the_customer_asks_for_that",
    "point of sale, shipped to the customer": "eligibility: every_kind_of_order_has_the_cause_of_its_kind",
    "eligibility with named reasons": "eligibility: every_kind_of_order_has_the_cause_of_its_kind, what_was_sold_before_the_start_stays_where_it_is, what_could_have_been_sent_long_ago_waits_for_a_person_and_a_preorder_is_never_old, payment_that_comes_later_sends_the_order_by_itself",
    "eligibility per store": "eligibility: each_store_decides_for_itself_what_may_ship; orders_in: what_costs_nothing_or_is_old_is_excluded_by_name_until_released",
    "split rules, money to the cent": "places_and_parts: parts_by_danger_size_and_tag_are_orders_of_one_sale_with_money_to_the_cent; rules: goods_that_travel_alone_leave_in_an_order_of_their_own_and_come_back_to_one",
    "bundles": "kinds_of_sales: each_kind_of_sale_is_sent_once_with_all_its_goods, a_bundle_that_loses_a_part_and_gains_another_is_never_doubled",
    "subscriptions and drafts": "kinds_of_sales: each_kind_of_sale_is_sent_once_with_all_its_goods",
    "exchanges": "orders_in: an_exchange_waits_for_the_return_and_is_then_sent; kinds_of_sales: an_exchange_of_one_of_two_goods_sends_the_new_one_and_nothing_else",
    "tips and duties": "kinds_of_sales: tips_and_duties_count_in_the_total_and_nobody_packs_them",
    "more consignments than a call takes": "kinds_of_sales: a_hundred_orders_of_two_parcels_each_take_two_calls_of_a_hundred",
    "rules": "rules: each_order_has_what_its_rules_say_when_the_warehouse_first_sees_it, a_tag_that_comes_later_changes_the_service_unless_the_warehouse_chose_one, an_excluded_order_never_goes_out_and_one_excluded_too_late_stays, a_held_order_waits_for_a_person",
    "rules tried and compared": "rules: rules_are_tried_on_real_orders_and_say_why, two_sets_of_rules_are_compared_on_past_orders",
    "carrier and service by rates": "rates: the_cheapest_of_all_is_set_before_the_warehouse_sees_it, within_days_means_the_cheapest_of_those_that_arrive_in_time, the_fastest_is_the_one_with_the_fewest_days_and_of_these_the_cheapest, a_rule_that_hits_later_asks_then_and_leaves_the_warehouses_choice_alone",
    "a rate is chosen once": "rates: a_price_that_changes_moves_no_order_neither_by_an_edit_nor_by_a_restart, a_crash_at_any_call_neither_loses_nor_doubles_nor_rates_anew, a_lost_database_leaves_carrier_and_service_as_they_lie_there",
    "no rate, no delay": "rates: carriers_that_refuse_leave_the_fallback, an_answer_that_does_not_come_leaves_the_fallback, a_slow_vendor_is_not_waited_for_and_not_asked_again_at_once, a_window_that_others_need_leaves_the_fallback, without_rate_and_fallback_an_order_goes_without_a_service",
    "missing parts of an address": "addresses_and_customs: an_address_that_lacks_a_part_waits_for_it",
    "long lines, control characters, emoji, PO box, military mail": "addresses_and_customs: addresses_come_out_printable_and_flagged_for_rules",
    "other scripts": "addresses_and_customs: another_script_is_written_in_latin_letters_and_kept_in_the_notes; orders_in: doubtful_orders_wait_for_a_person",
    "customs papers": "addresses_and_customs: customs_papers_have_the_destination_s_code_a_value_and_what_the_recipient_pays, a_new_tariff_code_of_the_destination_reaches_an_order_that_lies_there; orders_in: customs_data_and_incoterm_reach_an_order_for_abroad",
    "missing weight": "addresses_and_customs: goods_without_weight_go_as_the_store_wants, goods_without_weight_wait_where_the_store_wants_that",
    "several shops": "two_shops: orders_of_the_same_number_stay_apart_from_the_sale_to_the_mail, in_one_shipstation_store_the_prefix_tells_them_apart, numbers_that_would_clash_are_refused_at_start, one_set_of_rules_gives_one_result_whatever_the_shop",
    "no native connection beside us": "two_shops: doctor_refuses_a_shop_that_shipstation_imports_by_itself",
    # Tracking going back
    "partial shipments, exact lines": "relabels: of_two_packages_only_the_voided_one_changes",
    "split by hand": "regrouped: an_order_split_by_hand_is_told_part_by_part",
    "merged by hand": "regrouped: orders_merged_by_hand_each_get_their_own_lines, a_merged_order_that_is_edited_is_not_taken_for_deleted, a_merged_parcel_is_voided_and_labelled_again_for_both_orders",
    "void and relabel": "relabels: a_new_label_for_the_same_goods_takes_over_the_fulfillment_without_a_second_mail, the_merchant_may_want_a_mail_for_a_new_label_and_a_lost_answer_sends_no_further_one",
    "labels for several packages": "orders_on_v2: one_label_for_several_packages_is_told_with_every_number",
    "mail at label or at first scan": "relabels: a_new_label_for_the_same_goods_takes_over_the_fulfillment_without_a_second_mail; mails_at_scan: the_label_is_told_in_silence_and_the_first_scan_with_a_mail, a_label_replaced_after_its_scan_mails_again_only_where_the_merchant_wants_it",
    "void, and the goods stay": "relabels: goods_that_do_not_leave_after_all_are_open_again_and_stay_the_same_consignment",
    "marked as shipped": "regrouped: marked_as_shipped_is_told_with_all_that_was_left, marked_as_shipped_twice_is_a_persons_case",
    "return labels": "regrouped: a_return_label_is_no_shipment",
    "fulfilled by someone else": "packages: what_somebody_fulfills_in_shopify_leaves_shipstation, a_fulfillment_made_by_hand_for_the_very_package_is_recognised",
    "over-shipment": "packages: an_overpacked_box_is_told_as_far_as_shopify_takes_it",
    "a parcel that left before the hold": "packages: a_parcel_that_left_before_the_hold_arrived_is_told_once_the_hold_ends",
    "carriers": "packages: a_carrier_of_the_settings_gets_its_name_and_its_link; operate/carriers: every_carrier_of_the_sandbox_has_a_link_also_when_paid_through_shipstation",
    # Goods coming back
    "return labels noted": "returns: a_return_label_is_noted_and_tagged_and_no_money_moves, what_we_note_never_comes_back_to_the_warehouse, the_customer_is_noted_too_where_that_is_switched_on",
    "returns in Shopify": "returns_in_shopify: a_return_is_opened_labelled_received_refunded_and_closed_in_shopify, a_lost_answer_about_a_return_opens_and_pays_it_once",
    "refunds by policy": "returns: a_refund_waits_for_a_person_and_is_made_once, below_the_limit_nobody_is_asked, above_the_limit_a_person_is_asked, what_somebody_refunded_by_hand_is_not_refunded_again",
    "return labels made": "returns: an_operator_buys_one_return_label_and_not_a_second_by_mistake, a_voided_return_label_brings_nothing_and_pays_nothing",
    # Products
    "what the merchant changes reaches the product": "catalog: what_the_merchant_changes_reaches_the_product_and_the_warehouse_keeps_its_own, what_the_warehouse_changes_afterwards_stays_until_a_person_pushes",
    "a new SKU renames": "catalog: another_sku_renames_the_product_and_makes_no_second_one, a_vendor_that_does_not_rename_is_asked_once_and_told_of, a_sku_that_has_a_product_by_now_moves_to_it",
    "missing, doubled, weightless": "catalog: a_look_lists_what_is_missing_doubled_and_weightless",
    "past orders are left alone": "catalog: orders_that_lie_there_keep_the_words_with_which_they_were_sold",
    # Sweep and proof
    "the sweep finds what no event told": "sweep: events_that_were_all_lost_are_found_within_the_hour, what_the_warehouse_cancelled_is_placed_anew_under_the_next_number, the_absorbed_order_of_a_merge_is_found_in_its_survivor, quantities_changed_there_are_named_until_they_are_right_again",
    "doubled, deleted": "sweep: the_same_sale_imported_by_a_native_connection_is_named_doubled, a_deleted_order_is_named_and_never_taken_for_a_cancellation",
    "bulk reads": "sweep: a_sweep_costs_a_call_for_a_page_and_not_for_an_order",
    "the brake": "brake: a_flood_of_cancellations_waits_until_a_person_lets_it_through, orders_sold_while_the_brake_is_pulled_go_out_as_ever",
    "verify": "verify: a_day_that_went_right_recounts_without_a_difference, what_vanished_from_shipstation_is_missing",
    "explain": "explain: an_order_edited_held_released_packed_twice_voided_and_relabelled_reads_like_a_story, an_order_that_is_never_sent_says_why",
}
"""Promise -> `file: story, story; file: story`; files stand in this folder unless they name another."""


ON_V1_ALONE: dict[str, str] = {
    "tips and duties": "V2 keeps no line that nobody packs, so that its totals differ",
    "over-shipment": "V2 does not tell what is in a parcel beyond its order",
    "what the merchant changes reaches the product": "products are V1's",
    "a new SKU renames": "products are V1's",
    "missing, doubled, weightless": "products are V1's",
    "past orders are left alone": "products are V1's",
}
"""Promise -> why it is not told on V2."""


@pytest.mark.parametrize("promise", STORIES)
def test_every_promise_has_stories_that_are_told(promise: str) -> None:
    for path, told in _told(promise):
        assert told <= _tests_of(path).keys(), f"{promise}: {sorted(told - _tests_of(path).keys())} in {path.name}"


@pytest.mark.parametrize("promise", STORIES)
def test_a_promise_is_told_on_v2_too_or_says_why_not(promise: str) -> None:
    on_v2 = {f"test_{name}.py" for name in (*_files_of_ci(), *ALWAYS_ON_V2)}
    told = [one for path, names in _told(promise) if path.name in on_v2 for one in names if _tests_of(path)[one]]
    assert bool(told) != (promise in ON_V1_ALONE), f"on V2: {sorted(told)}"


def _told(promise: str) -> Iterator[tuple[Path, set[str]]]:
    for part in STORIES[promise].split(";"):
        file, _, names = part.partition(":")
        folder, _, name = file.strip().rpartition("/")
        yield TESTS / (folder or "stories") / f"test_{name}.py", {f"test_{one.strip()}" for one in names.split(",")}


def _files_of_ci() -> list[str]:
    (command,) = re.findall(r"^SYNCD_TEST_ORDERS_API=v2 .*", CI.read_text(encoding="utf-8"), re.MULTILINE)
    return re.findall(r"tests/stories/test_(\w+)\.py", command)


def _tests_of(path: Path) -> dict[str, bool]:
    """Name -> whether it is told on V2 where its file is."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {node.name: "ON_V1_ALONE" not in map(ast.unparse, node.decorator_list) for node in functions}
