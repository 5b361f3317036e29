/** What a Segment or RudderStack call earned, in Amplitude's fields for revenue. */
import type { JsonObject } from '../amplitude-event.ts';
import { currencyOf } from './history.ts';
import { numberOf, textOf, wholeOf } from './read-field.ts';

/** Only what says `revenue` is revenue: a price alone also stands on products that are merely looked at. */
export function revenueFields(properties: JsonObject, isOrder: boolean) {
  const revenue = numberOf(properties.revenue) ?? (isOrder ? numberOf(properties.total) : undefined);
  if (revenue === undefined) return {};
  return {
    revenue,
    price: numberOf(properties.price),
    quantity: wholeOf(properties.quantity),
    productId: productIdOf(properties),
    revenueType: textOf(properties.revenueType),
    currency: currencyOf(properties.currency),
  };
}

/** One product of an order. */
export function productRevenue(product: JsonObject, order: JsonObject) {
  const price = numberOf(product.price);
  const revenue = numberOf(product.revenue);
  if (price === undefined && revenue === undefined) return {};
  return {
    revenue,
    price,
    quantity: wholeOf(product.quantity) ?? 1,
    productId: productIdOf(product),
    revenueType: textOf(product.revenueType),
    currency: currencyOf(product.currency) ?? currencyOf(order.currency),
  };
}

function productIdOf(properties: JsonObject): string | undefined {
  return textOf(properties.productId) ?? textOf(properties.product_id) ?? textOf(properties.sku);
}
