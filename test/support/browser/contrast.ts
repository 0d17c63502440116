import type { Page } from 'playwright-core';

/**
 * Texts of a page whose contrast is too low, as WCAG 2.2 (1.4.3, level AA) counts it: 4.5 to 1, and 3 to 1 for large ones. Text
 * on a picture or a gradient is left out.
 */
export async function lowContrasts(page: Page): Promise<string[]> {
  return (await page.evaluate(`(${measure.toString()})()`)) as string[];
}

/** Runs in the page. */
function measure(): string[] {
  interface Style {
    color: string;
    backgroundColor: string;
    backgroundImage: string;
    fontSize: string;
    fontWeight: string;
    opacity: string;
  }
  interface Element {
    parentElement: Element | null;
    textContent: string;
    childNodes: Iterable<{ nodeType: number; textContent: string }>;
    checkVisibility(): boolean;
    getBoundingClientRect(): { width: number };
  }
  const page = globalThis as unknown as {
    document: { querySelectorAll(selector: string): Iterable<Element> };
    getComputedStyle(element: Element): Style;
  };
  const rgba = (text: string): number[] => (text.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (text: string): number => {
    const [r = 0, g = 0, b = 0] = rgba(text).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = (element: Element): string | undefined => {
    for (let each: Element | null = element; each !== null; each = each.parentElement) {
      const { backgroundColor, backgroundImage } = page.getComputedStyle(each);
      if (backgroundImage !== 'none') return undefined;
      if (rgba(backgroundColor)[3] !== 0) return backgroundColor;
    }
    return undefined;
  };
  const low: string[] = [];
  for (const element of page.document.querySelectorAll('body *')) {
    const text = [...element.childNodes]
      .filter(({ nodeType }) => nodeType === 3)
      .map(({ textContent }) => textContent.trim());
    if (text.join('') === '' || !element.checkVisibility() || element.getBoundingClientRect().width <= 1) continue;
    const style = page.getComputedStyle(element);
    const ground = groundOf(element);
    // What can't be used may be pale.
    if (ground === undefined || style.opacity !== '1') continue;
    const [light, dark] = [luminance(style.color), luminance(ground)].sort((one, other) => other - one) as [
      number,
      number,
    ];
    const size = parseFloat(style.fontSize);
    const needed = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < needed) low.push(`${ratio.toFixed(2)}: ${text.join(' ')}`);
  }
  return low;
}
