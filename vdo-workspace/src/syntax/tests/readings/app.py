#!/usr/bin/env python
# -*- coding: utf-8 -*-
# Copyright (c) 2020 Somebody.
"""Charges customers.

More about it, e.g. this. And that.
"""
import os
from . import near
from a.b import Clock as C

LIMIT = 3


@cached(size=LIMIT)
def charge(customer, amount: Decimal = ZERO) -> Receipt:
    """Charges `customer` once.

    :param amount: how much
    """
    total = amount * rate_of(customer)
    return Receipt(total, os.getcwd(), "not_a_name", f"{format_of(total)}")


class Job(Base):
    'One line without an end'
    KIND = 1

    async def run(self):
        self.state = near.step(self.clock)
        # a comment with words
        return [each.name for each in self.parts]
