/** The made-up shop of the example day: books and records, sold on the web, in an app and at a terminal in the store. */

export type Product = {
  readonly id: string;
  readonly name: string;
  readonly category: string;
  readonly tags: readonly string[];
  readonly price: number;
};

export const PRODUCTS: readonly Product[] = [
  product(1001, 'Der Zauberberg', 'Books', ['classic', 'german'], 16),
  product(1002, 'Los detectives salvajes', 'Books', ['novel', 'spanish'], 14.5),
  product(1003, '吾輩は猫である', 'Books', ['classic', 'japanese', 'cats 🐈'], 11.9),
  product(1004, 'موسم الهجرة إلى الشمال', 'Books', ['novel', 'arabic'], 13.2),
  product(1005, 'סיפור על אהבה וחושך', 'Books', ['memoir', 'hebrew'], 17.8),
  product(1006, 'L’Étranger', 'Books', ['classic', 'french'], 8.4),
  product(1007, 'Middlemarch', 'Books', ['classic', 'english'], 12),
  product(1008, '한강: 채식주의자', 'Books', ['novel', 'korean'], 15.6),
  product(2001, 'Köln Concert (2 LP)', 'Records', ['jazz', 'piano'], 34.99),
  product(2002, 'Sigur Rós – Ágætis byrjun', 'Records', ['post-rock', 'icelandic'], 31.5),
  product(2003, 'Mulatu of Ethiopia', 'Records', ['jazz', 'ethio'], 28),
  product(2004, 'Построение', 'Records', ['post-punk'], 24.9),
  product(3001, 'Reading lamp “Lüx”', 'Things', ['light', '💡'], 49),
  product(3002, 'Gift card', 'Things', ['gift', '🎁'], 25),
];

export const SEARCHES: readonly string[] = [
  'lamp',
  'roman historique',
  '猫',
  'ジャズ ピアノ',
  'كتب عربية',
  'ספרים',
  'vinyl "first pressing"',
  'geschenk für oma 🎄',
  'c:\\music\\new',
  'tolstoï',
];

export const REVIEWS: readonly string[] = [
  'Read it in one night 😍📚',
  '素晴らしい。もう一度読みます。',
  'كتاب رائع، أنصح به الجميع',
  'מומלץ בחום!',
  'First line\u2028second line, as my phone sent it',
  'Scratched on side B 😠\nbut they sent a new one.',
  'Sehr schön – „wie neu“ \t(5/5)',
  '👨‍👩‍👧‍👦 loved it',
];

export type Place = {
  readonly share: number;
  readonly country: string;
  readonly region: string;
  readonly city: string;
  readonly language: string;
  readonly currency: string;
};

export const PLACES: readonly Place[] = [
  place(24, 'Germany', 'Berlin', 'Berlin', 'German', 'EUR'),
  place(9, 'Germany', 'Nordrhein-Westfalen', 'Köln', 'German', 'EUR'),
  place(6, 'Austria', 'Wien', 'Wien', 'German', 'EUR'),
  place(5, 'Switzerland', 'Zürich', 'Zürich', 'German', 'CHF'),
  place(12, 'France', 'Île-de-France', 'Paris', 'French', 'EUR'),
  place(10, 'United Kingdom', 'England', 'London', 'English', 'GBP'),
  place(14, 'United States', 'California', 'Oakland', 'English', 'USD'),
  place(7, 'Japan', '東京都', '東京', 'Japanese', 'JPY'),
  place(5, 'Egypt', 'القاهرة', 'القاهرة', 'Arabic', 'EGP'),
  place(4, 'Israel', 'תל אביב', 'תל אביב-יפו', 'Hebrew', 'ILS'),
  place(4, 'Brazil', 'São Paulo', 'São Paulo', 'Portuguese', 'BRL'),
];

export type DeviceKind = {
  readonly share: number;
  readonly platform: 'Web' | 'iOS' | 'Android';
  readonly os_name: string;
  readonly os_version: string;
  readonly device_brand?: string;
  readonly device_model?: string;
  readonly app_version?: string;
};

export const DEVICE_KINDS: readonly DeviceKind[] = [
  { share: 20, platform: 'Web', os_name: 'Chrome', os_version: '142' },
  { share: 9, platform: 'Web', os_name: 'Firefox', os_version: '145' },
  { share: 8, platform: 'Web', os_name: 'Safari', os_version: '26.1' },
  phone(18, 'iOS', 'ios', '26.1', 'Apple', 'iPhone17,3', '5.12.0'),
  phone(8, 'iOS', 'ios', '18.7', 'Apple', 'iPhone14,5', '5.11.2'),
  phone(14, 'Android', 'android', '16', 'Google', 'Pixel 10', '5.12.0'),
  phone(9, 'Android', 'android', '15', 'Samsung', 'SM-S921B', '5.12.0-β2'),
];

function product(id: number, name: string, category: string, tags: readonly string[], price: number): Product {
  return { id: `p-${id}`, name, category, tags, price };
}

function place(
  share: number,
  country: string,
  region: string,
  city: string,
  language: string,
  currency: string,
): Place {
  return { share, country, region, city, language, currency };
}

function phone(
  share: number,
  platform: 'iOS' | 'Android',
  osName: string,
  osVersion: string,
  brand: string,
  model: string,
  appVersion: string,
): DeviceKind {
  const device = { device_brand: brand, device_model: model, app_version: appVersion };
  return { share, platform, os_name: osName, os_version: osVersion, ...device };
}
