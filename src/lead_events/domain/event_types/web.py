"""Event types of pages, products, orders and ads: what a visitor does on a site and what leads there.

Where the page is (``url``, ``path``, ``referrer``, ``title``) stands in ``context.page``, not here.
"""

from __future__ import annotations

from typing import Annotated

from lead_events.domain.event_types.fields import (
    Amount,
    Count,
    Currency,
    Items,
    Label,
    Name,
    Offered,
    Percent,
    Priced,
    Privacy,
    Properties,
    Reason,
    Seconds,
    Text,
    Url,
)


class PageViewed(Properties):
    """A page was shown."""

    name: Name | None = None
    category: Name | None = None


class PageScrolled(Properties):
    """A visitor scrolled a page down to a depth in percent."""

    depth: Percent


class PageLeft(Properties):
    """A visitor left a page after looking at it for some visible seconds."""

    seconds: Seconds | None = None
    depth: Percent | None = None


class ElementClicked(Properties):
    """A visitor clicked a marked element or a link."""

    element: Name | None = None
    text: Label | None = None
    url: Url | None = None
    outbound: bool | None = None


class ExitIntended(Properties):
    """A visitor moved to leave the page."""


class SearchPerformed(Properties):
    """A visitor searched the site."""

    query: Text
    results: Count | None = None


class VideoPlayed(Properties):
    """A visitor played a video."""

    video: Url
    title: Label | None = None
    seconds: Seconds | None = None
    percent: Percent | None = None


class FileDownloaded(Offered):
    """A visitor downloaded a file."""

    file: Url
    title: Label | None = None
    url: Url | None = None


class ProductViewed(Properties):
    """A visitor looked at a product."""

    product: Name
    name: Label | None = None
    category: Name | None = None
    price: Amount | None = None
    currency: Currency | None = None
    url: Url | None = None


class ProductFavourited(ProductViewed):
    """A visitor marked a product as a favourite."""


class CartUpdated(Offered, Priced):
    """A visitor changed the cart; the amount is that of the whole cart."""

    product: Name | None = None
    quantity: Count | None = None
    items: Items | None = None


class OrderPlaced(Offered, Priced):
    """A visitor placed an order."""

    order_id: Name
    product: Name | None = None
    items: Items | None = None


class OrderCancelled(Priced):
    """An order was cancelled."""

    order_id: Name
    reason: Reason | None = None


class AdShown(Properties):
    """An ad was shown to a person."""

    ad_id: Name | None = None
    channel: Name | None = None
    source: Name | None = None
    campaign: Name | None = None
    creative: Name | None = None
    audience: Name | None = None


class AdClicked(AdShown):
    """A person clicked an ad."""

    url: Url | None = None


class TouchRecorded(Properties):
    """A touch outside the site was written down: a cold call, a flyer, word of mouth, a bought contact."""

    channel: Name
    label: Name | None = None
    promo_code: Name | None = None
    referred_by: Annotated[Name, Privacy.PERSONAL] | None = None
    sourced_by: Name | None = None
    note: Text | None = None


TYPES: dict[str, type[Properties]] = {
    "page.viewed": PageViewed,
    "page.scrolled": PageScrolled,
    "page.left": PageLeft,
    "element.clicked": ElementClicked,
    "exit.intended": ExitIntended,
    "search.performed": SearchPerformed,
    "video.played": VideoPlayed,
    "file.downloaded": FileDownloaded,
    "product.viewed": ProductViewed,
    "product.favourited": ProductFavourited,
    "cart.updated": CartUpdated,
    "order.placed": OrderPlaced,
    "order.cancelled": OrderCancelled,
    "ad.shown": AdShown,
    "ad.clicked": AdClicked,
    "touch.recorded": TouchRecorded,
}
"""The properties of each type declared here."""
