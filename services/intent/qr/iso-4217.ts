// Currencies by their numeric codes, as QR codes and cards name them (ISO 4217, list one).

/** A currency of ISO 4217. */
export interface Currency {
  readonly code: string
  /** How many decimal places its main unit has. */
  readonly scale: number
}

// Those of the countries that take part in QR payments across borders, and those that travellers carry. One that is
// missing is refused by name, never guessed: a wrong scale moves a hundred times the amount.
const CURRENCIES: Readonly<Record<string, Currency>> = {
  '036': { code: 'AUD', scale: 2 },
  '048': { code: 'BHD', scale: 3 },
  '050': { code: 'BDT', scale: 2 },
  '096': { code: 'BND', scale: 2 },
  '104': { code: 'MMK', scale: 2 },
  '116': { code: 'KHR', scale: 2 },
  '124': { code: 'CAD', scale: 2 },
  '144': { code: 'LKR', scale: 2 },
  '156': { code: 'CNY', scale: 2 },
  '344': { code: 'HKD', scale: 2 },
  '356': { code: 'INR', scale: 2 },
  '360': { code: 'IDR', scale: 2 },
  '392': { code: 'JPY', scale: 0 },
  '410': { code: 'KRW', scale: 0 },
  '414': { code: 'KWD', scale: 3 },
  '418': { code: 'LAK', scale: 2 },
  '446': { code: 'MOP', scale: 2 },
  '458': { code: 'MYR', scale: 2 },
  '524': { code: 'NPR', scale: 2 },
  '554': { code: 'NZD', scale: 2 },
  '586': { code: 'PKR', scale: 2 },
  '608': { code: 'PHP', scale: 2 },
  '682': { code: 'SAR', scale: 2 },
  '702': { code: 'SGD', scale: 2 },
  '704': { code: 'VND', scale: 0 },
  '756': { code: 'CHF', scale: 2 },
  '764': { code: 'THB', scale: 2 },
  '784': { code: 'AED', scale: 2 },
  '826': { code: 'GBP', scale: 2 },
  '840': { code: 'USD', scale: 2 },
  '901': { code: 'TWD', scale: 2 },
  '978': { code: 'EUR', scale: 2 },
  '986': { code: 'BRL', scale: 2 },
}

/** The currency of a three-digit code; undefined when it is none that is known here. */
export function currencyOfNumber(numericCode: string): Currency | undefined {
  return Object.hasOwn(CURRENCIES, numericCode) ? CURRENCIES[numericCode] : undefined
}
