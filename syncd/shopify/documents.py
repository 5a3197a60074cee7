"""Every GraphQL document that the daemon sends, as constants. Version 2026-10; a test validates each against the schema.

Depth is dear and page size is cheap, so documents are flat and pages large. Shapes of the answers: `mappings.shopify_shapes`.
"""

import json
from collections.abc import Sequence
from functools import cache

_MONEY = "{ shopMoney { amount currencyCode } }"
_ADDRESS = "{ name firstName lastName company address1 address2 city province provinceCode zip countryCodeV2 phone }"
_PAGE = "pageInfo { hasNextPage endCursor }"

_LINE_ITEMS = f"""{_PAGE} nodes {{
  id name title variantTitle sku vendor quantity currentQuantity requiresShipping isGiftCard
  customAttributes {{ key value }}
  weight {{ value unit }}
  image {{ url }}
  originalUnitPriceSet {_MONEY}
  discountedUnitPriceAfterAllDiscountsSet {_MONEY}
  taxLines {{ priceSet {_MONEY} }}
  lineItemGroup {{ id title quantity }}
  variant {{ id barcode inventoryItem {{ id harmonizedSystemCode countryCodeOfOrigin }} }}
  product {{ id productType }}
}}"""

_FULFILLMENT_ORDER_LINES = f"{_PAGE} nodes {{ id totalQuantity remainingQuantity requiresShipping lineItem {{ id }} }}"

_FULFILLMENT_ORDERS = f"""{_PAGE} nodes {{
  id status requestStatus fulfillAt updatedAt
  deliveryMethod {{ methodType }}
  assignedLocation {{ name countryCode location {{ id }} }}
  fulfillmentHolds {{ id reason }}
  internationalDuties {{ incoterm }}
  lineItems(first: 50) {{ {_FULFILLMENT_ORDER_LINES} }}
}}"""

_FULFILLMENTS = f"""{{
  id status createdAt
  trackingInfo {{ company number url }}
  fulfillmentLineItems(first: 50) {{ {_PAGE} nodes {{ quantity lineItem {{ id }} }} }}
}}"""

ORDERS_TO_SHIP = f"""query OrdersToShip($ids: [ID!]!) {{
  nodes(ids: $ids) {{ ... on Order {{
    id legacyResourceId name createdAt processedAt updatedAt cancelledAt test displayFinancialStatus
    tags note email phone poNumber sourceName taxesIncluded
    customAttributes {{ key value }}
    risk {{ recommendation assessments {{ riskLevel }} }}
    shippingAddress {_ADDRESS}
    billingAddress {_ADDRESS}
    currentTotalPriceSet {_MONEY}
    currentTotalTaxSet {_MONEY}
    currentShippingPriceSet {_MONEY}
    totalReceivedSet {_MONEY}
    shippingLines(first: 5) {{ nodes {{ title code isRemoved }} }}
    lineItems(first: 50) {{ {_LINE_ITEMS} }}
    fulfillmentOrders(first: 10) {{ {_FULFILLMENT_ORDERS} }}
  }} }}
}}"""
"""Bulk read of the orders flow. A missing order is null. Needs read_orders and read_merchant_managed_fulfillment_orders."""


@cache
def orders_to_ship(with_customer: bool, metafields: Sequence[str]) -> str:
    """ORDERS_TO_SHIP with what rules look at: the customer's tags (needs read_customers), and metafields of the order by
    `namespace.key`, as `metafield0` and so on."""
    fields = [
        f"metafield{n}: metafield(namespace: {json.dumps(namespace)}, key: {json.dumps(key)}) {{ value }}"
        for n, (namespace, _, key) in enumerate(name.partition(".") for name in metafields)
    ]
    fields += ["customer { tags }"] if with_customer else []
    return ORDERS_TO_SHIP.replace("customAttributes", " ".join([*fields, "customAttributes"]), 1)


TARIFF_CODES = """query TariffCodes($ids: [ID!]!) {
  nodes(ids: $ids) { ... on InventoryItem { id countryHarmonizedSystemCodes(first: 250) {
    pageInfo { hasNextPage } nodes { countryCode harmonizedSystemCode }
  } } }
}"""
"""Only for goods that go abroad: a list in each line of the bulk read would be too dear. 250 is about as many as there are countries."""

ORDERS_SHIPPED = f"""query OrdersShipped($ids: [ID!]!) {{
  nodes(ids: $ids) {{ ... on Order {{
    id legacyResourceId name updatedAt cancelledAt
    fulfillmentOrders(first: 10) {{ {_FULFILLMENT_ORDERS} }}
    fulfillments(first: 100) {_FULFILLMENTS}
  }} }}
}}"""
"""Bulk read of the shipments flow: what may still be fulfilled, and what has been."""

MORE_LINE_ITEMS = f"""query MoreLineItems($id: ID!, $after: String) {{
  order(id: $id) {{ lineItems(first: 250, after: $after) {{ {_LINE_ITEMS} }} }}
}}"""
"""The rest of a long order. All lines or nothing."""

MORE_FULFILLMENT_ORDERS = f"""query MoreFulfillmentOrders($id: ID!, $after: String) {{
  order(id: $id) {{ fulfillmentOrders(first: 20, after: $after) {{ {_FULFILLMENT_ORDERS} }} }}
}}"""

MORE_FULFILLMENT_ORDER_LINES = f"""query MoreFulfillmentOrderLines($id: ID!, $after: String) {{
  fulfillmentOrder(id: $id) {{ lineItems(first: 250, after: $after) {{ {_FULFILLMENT_ORDER_LINES} }} }}
}}"""

MORE_FULFILLMENT_LINES = f"""query MoreFulfillmentLines($id: ID!, $after: String) {{
  fulfillment(id: $id) {{ fulfillmentLineItems(first: 250, after: $after) {{ {_PAGE} nodes {{ quantity lineItem {{ id }} }} }} }}
}}"""

ORDERS_SINCE = f"""query OrdersSince($query: String!, $after: String) {{
  orders(first: 250, after: $after, query: $query, sortKey: UPDATED_AT) {{
    {_PAGE}
    nodes {{ id legacyResourceId updatedAt cancelledAt }}
  }}
}}"""
"""The feed under the webhooks. `$query` is `updated_at:>='2026-11-20T10:00:00Z'`; ascending, so that a touched row is met again."""

FULFILLMENT_ORDERS_SINCE = f"""query FulfillmentOrdersSince($query: String!, $after: String) {{
  fulfillmentOrders(first: 250, after: $after, query: $query, sortKey: UPDATED_AT, includeClosed: true) {{
    {_PAGE}
    nodes {{ id orderId updatedAt }}
  }}
}}"""
"""The second feed: whether a hold or a move touches the order's own updatedAt is not documented."""

ORDER_BY_NAME = """query OrderByName($query: String!) {
  orders(first: 5, query: $query) { nodes { id legacyResourceId name } }
}"""
"""For people who type `#1001`. Search lags, so absence proves nothing."""

CREATE_FULFILLMENT = """mutation CreateFulfillment($fulfillment: FulfillmentInput!) {
  fulfillmentCreate(fulfillment: $fulfillment) {
    fulfillment { id status }
    userErrors { field message }
  }
}"""
"""Not idempotent and takes no key: an intent is written first and the effect looked for before any retry."""

UPDATE_TRACKING = """mutation UpdateTracking($id: ID!, $tracking: FulfillmentTrackingInput!, $notify: Boolean) {
  fulfillmentTrackingInfoUpdate(fulfillmentId: $id, trackingInfoInput: $tracking, notifyCustomer: $notify) {
    fulfillment { id status }
    userErrors { field message }
  }
}"""
"""Replaces the tracking as a whole, so that a repetition changes nothing. Succeeds on a cancelled fulfillment too: see its status."""

CANCEL_FULFILLMENT = """mutation CancelFulfillment($id: ID!) {
  fulfillmentCancel(id: $id) {
    fulfillment { id status }
    userErrors { field message }
  }
}"""
"""Idempotent. Its units are open again, in the same fulfillment order or in a new one."""

FULFILLMENT_EVENTS = """query FulfillmentEvents($ids: [ID!]!) {
  nodes(ids: $ids) { ... on Fulfillment { id status events(first: 100, sortKey: HAPPENED_AT, reverse: true) {
    nodes { status happenedAt }
  } } }
}"""
"""The newest hundred of each: only the last ones decide what is still to be told."""

TELL_EVENT = """mutation TellEvent($event: FulfillmentEventInput!) {
  fulfillmentEventCreate(fulfillmentEvent: $event) {
    fulfillmentEvent { id }
    userErrors { field message }
  }
}"""
"""Not idempotent and takes no key. Needs write_fulfillments."""

_LEVEL = """item { id sku tracked } quantities(names: ["available", "committed", "on_hand"]) { name quantity }"""

LEVELS_AT = f"""query LevelsAt($id: ID!, $after: String) {{
  location(id: $id) {{ inventoryLevels(first: 250, after: $after) {{ {_PAGE} nodes {{ {_LEVEL} }} }} }}
}}"""
"""All that is stocked at one location."""

LEVELS_OF = f"""query LevelsOf($ids: [ID!]!, $location: ID!) {{
  nodes(ids: $ids) {{ ... on InventoryItem {{ inventoryLevel(locationId: $location) {{ {_LEVEL} }} }} }}
}}"""
"""A few of them again, where somebody changed them meanwhile."""

SET_LEVELS = """mutation SetLevels($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { id }
    userErrors { code field message }
  }
}"""
"""All or nothing, and only where every quantity is still what it was computed from."""

_ARTICLE = """id sku requiresShipping duplicateSkuCount harmonizedSystemCode countryCodeOfOrigin
  measurement { weight { value unit } } variants(first: 1) { nodes { title barcode product { title } } }"""

ARTICLES = f"""query Articles($after: String) {{
  inventoryItems(first: 250, after: $after) {{ {_PAGE} nodes {{ {_ARTICLE} }} }}
}}"""
"""All that the shop sells, with what ShipStation's products should say."""

ARTICLES_OF = f"""query ArticlesOf($ids: [ID!]!) {{
  nodes(ids: $ids) {{ ... on InventoryItem {{ {_ARTICLE} }} }}
}}"""

ORDER_RETURNING = """query OrderReturning(
  $id: ID!, $lines: [ID!]!, $units: [RefundLineItemInput!], $asks: Boolean!, $opens: Boolean!, $customer: Boolean!
) {
  lines: nodes(ids: $lines) { ... on LineItem { id refundableQuantity unfulfilledQuantity } }
  order(id: $id) {
    id name updatedAt note tags currencyCode presentmentCurrencyCode
    netPaymentSet { shopMoney { amount } }
    refunds(first: 100) { id note refundLineItems(first: 1) { nodes { quantity } } }
    returnStatus @include(if: $asks)
    fulfillments(first: 100) {
      status location { id } fulfillmentLineItems(first: 50) { pageInfo { hasNextPage } nodes { id quantity lineItem { id } } }
    }
    customer @include(if: $customer) { id note }
    returns(first: 20) @include(if: $opens) { pageInfo { hasNextPage } nodes {
      id status exchangeLineItems(first: 1) { nodes { id } } returnShippingFees { id }
      returnLineItems(first: 50) { pageInfo { hasNextPage } nodes {
        id quantity processedQuantity refundedQuantity returnReasonNote
        ... on ReturnLineItem { fulfillmentLineItem { id lineItem { id } } restockingFee { id } }
      } }
      reverseFulfillmentOrders(first: 2) { nodes {
        id
        lineItems(first: 50) { nodes { id fulfillmentLineItem { id } } }
        reverseDeliveries(first: 10) { nodes {
          deliverable { ... on ReverseDeliveryShippingDeliverable { tracking { number } } }
        } }
      } }
    } }
    suggestedRefund(refundLineItems: $units) @include(if: $asks) {
      suggestedTransactions { gateway amountSet { shopMoney { amount currencyCode } } parentTransaction { id } }
    }
  }
}"""
"""All about one return label: what may come back, what has come back, and what Shopify would pay back for it. `returns` needs
read_returns, `customer` read_customers."""

ADD_TAGS = """mutation AddTags($id: ID!, $tags: [String!]!) {
  tagsAdd(id: $id, tags: $tags) { node { id } userErrors { field message } }
}"""

NOTE_ORDER = """mutation NoteOrder($input: OrderInput!) {
  orderUpdate(input: $input) { order { id } userErrors { field message } }
}"""

NOTE_CUSTOMER = """mutation NoteCustomer($input: CustomerInput!) {
  customerUpdate(input: $input) { customer { id } userErrors { field message } }
}"""

OPEN_RETURN = """mutation OpenReturn($input: ReturnInput!) {
  returnCreate(returnInput: $input) { return { id } userErrors { code field message } }
}"""
"""Takes no key: found again by the note of its reason."""

LABEL_RETURN = """mutation LabelReturn(
  $reverse: ID!, $tracking: ReverseDeliveryTrackingInput, $label: ReverseDeliveryLabelInput, $notify: Boolean
) {
  reverseDeliveryCreateWithShipping(
    reverseFulfillmentOrderId: $reverse, reverseDeliveryLineItems: [], trackingInput: $tracking, labelInput: $label,
    notifyCustomer: $notify
  ) { reverseDelivery { id } userErrors { code field message } }
}"""
"""No lines are all lines, so that a second one is refused."""

PROCESS_RETURN = """mutation ProcessReturn($input: ReturnProcessInput!) {
  returnProcess(input: $input) { return { id } userErrors { code field message } }
}"""
"""Takes no key: all units at once, so that a second call finds none."""

CLOSE_RETURN = """mutation CloseReturn($id: ID!) {
  returnClose(id: $id) { return { id } userErrors { code field message } }
}"""

REFUND = """mutation Refund($input: RefundInput!, $key: String!) {
  refundCreate(input: $input) @idempotent(key: $key) { refund { id } userErrors { field message } }
}"""
"""Done once for each key, which Shopify keeps for a day; found again by its note after that."""

SHOP_ACCESS = """query ShopAccess {
  currentAppInstallation { accessScopes { handle } }
  shop { id name myshopifyDomain ianaTimezone currencyCode plan { publicDisplayName } }
}"""

LOCATIONS = """query Locations {
  locations(first: 250) { nodes { id name isActive fulfillsOnlineOrders address { countryCode } } }
}"""

SUBSCRIPTIONS = f"""query Subscriptions($after: String) {{
  webhookSubscriptions(first: 250, after: $after) {{ {_PAGE} nodes {{ id topic uri }} }}
}}"""

SUBSCRIBE = """mutation Subscribe($topic: WebhookSubscriptionTopic!, $subscription: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $subscription) {
    webhookSubscription { id topic uri }
    userErrors { field message }
  }
}"""

UNSUBSCRIBE = """mutation Unsubscribe($id: ID!) {
  webhookSubscriptionDelete(id: $id) { deletedWebhookSubscriptionId userErrors { field message } }
}"""
