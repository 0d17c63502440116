import { ask } from './ask.js';

const euros = (cents) => `€ ${(cents / 100).toFixed(2)}`;
const tabs = new BroadcastChannel('cart');

/** Keeps the cart, and its number in the navigation, as the session has it. Another tab says when it has changed. */
export function followCart() {
  tabs.addEventListener('message', refresh);
  for (const form of document.querySelectorAll('[data-change]')) form.addEventListener('submit', changeByOne);
  const burst = document.querySelector('[data-burst]');
  if (burst === null) return;
  burst.hidden = false;
  burst.querySelector('button').addEventListener('click', () => sendTwenty(burst));
}

async function changeByOne(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const cart = await change(form.elements.sku.value, event.submitter.value);
  if (cart === undefined) return;
  refreshes += 1;
  show(cart);
  const line = cart.lines.find(({ sku }) => sku === form.elements.sku.value);
  say(`${line.name}: ${line.count}. ${cart.count} items, ${euros(cart.cents)}.`);
  tabs.postMessage('changed');
}

async function sendTwenty(burst) {
  const button = burst.querySelector('button');
  const result = burst.querySelector('[data-burst-result]');
  button.disabled = true;
  result.textContent = 'Sending 20 requests …';
  const before = await read();
  await Promise.all(Array.from({ length: 20 }, () => change('croissant', 1)));
  const cart = await read();
  button.disabled = false;
  result.textContent = '';
  if (before === undefined || cart === undefined) return;
  show(cart);
  const more = croissants(cart) - croissants(before);
  result.textContent = `20 requests at once: ${more} croissants more. ${more === 20 ? 'Nothing was lost.' : ''}`;
  tabs.postMessage('changed');
}

const croissants = (cart) => cart.lines.find(({ sku }) => sku === 'croissant').count;

let refreshes = 0;

async function refresh() {
  const turn = ++refreshes;
  const cart = await read();
  // A late answer doesn't take the place of a newer one.
  if (cart !== undefined && turn === refreshes) show(cart);
}

const read = () => ask('/cart/items');
const change = (sku, by) =>
  ask('/cart/items', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sku, by }),
  });

function show(cart) {
  for (const element of document.querySelectorAll('[data-cart-count]')) element.textContent = cart.count;
  if (document.querySelector('[data-cart]') === null) return;
  for (const { sku, count } of cart.lines)
    document.querySelector(`[data-sku="${sku}"] [data-count]`).textContent = count;
  document.querySelector('[data-total-count]').textContent = cart.count;
  document.querySelector('[data-total]').textContent = euros(cart.cents);
}

function say(text) {
  const news = document.querySelector('[data-cart-news]');
  if (news !== null) news.textContent = text;
}
