import { Controller, Get, Header, Inject, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { Public, RateClass } from '@app/edge';
import { HOME_CONTENT_SECURITY_POLICY, homePage } from './home-page.js';
import { readPageFile } from './page-files.js';

/** GET / and the two files that its page loads. */
@Controller()
@ApiExcludeController()
@Public()
@RateClass('discovery')
export class HomeController {
  readonly #page: string;
  readonly #script = readPageFile('home.js');
  readonly #style = readPageFile('home.css');

  constructor(@Inject(GATEHOUSE_CONFIG) config: GatehouseConfig) {
    this.#page = homePage(config);
  }

  /** The query is not looked at here: a code in it is for the page's script, and is answered unseen. */
  @Get()
  page(@Res() reply: FastifyReply): void {
    void reply
      .header('Content-Security-Policy', HOME_CONTENT_SECURITY_POLICY)
      .header('Cache-Control', 'no-store')
      .type('text/html; charset=utf-8')
      .send(this.#page);
  }

  @Get('assets/home.js')
  @Header('Cache-Control', 'public, max-age=300')
  script(@Res({ passthrough: true }) reply: FastifyReply): string {
    void reply.type('text/javascript; charset=utf-8');
    return this.#script;
  }

  @Get('assets/home.css')
  @Header('Cache-Control', 'public, max-age=300')
  style(@Res({ passthrough: true }) reply: FastifyReply): string {
    void reply.type('text/css; charset=utf-8');
    return this.#style;
  }
}
