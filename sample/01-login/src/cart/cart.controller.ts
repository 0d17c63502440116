import { BadRequestException, Body, Controller, Get, HttpCode, Post, Query, Redirect } from '@nestjs/common';
import { Session, type SessionData } from 'nestjs-keycard';
import { cartPage } from '../pages/cart.page.js';
import { type Cart, cartOf, changed } from './cart.js';
import { menu } from './menu.js';

type Change = Record<string, unknown> | undefined;

@Controller('cart')
export class CartController {
  @Get()
  show(@Session() session: Session, @Query('notice') notice: unknown) {
    return cartPage(session, notice);
  }

  @Get('items')
  items(@Session('cart') cart: SessionData['cart'] | undefined): Cart {
    return cartOf(cart);
  }

  /** A change, by script. */
  @Post('items')
  @HttpCode(200)
  change(@Session() session: Session, @Body() body: Change): Promise<Cart> {
    return applyChange(session, body);
  }

  /** The same as a plain form. */
  @Post()
  @Redirect('/cart', 303)
  async changeByForm(@Session() session: Session, @Body() body: Change): Promise<void> {
    await applyChange(session, body);
  }
}

/** All counts are one key of the session, so `update()`: of requests that come at once none overwrites another. */
async function applyChange(session: Session, body: Change): Promise<Cart> {
  const sku = menu.find((item) => item.sku === body?.sku)?.sku;
  const by = Number(body?.by);
  if (sku === undefined || (by !== 1 && by !== -1)) throw new BadRequestException('That is not on the menu.');
  await session.update((draft) => {
    draft.cart = changed(draft.cart, sku, by);
  });
  return cartOf(session.cart);
}
