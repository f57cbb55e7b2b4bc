"""Dates and numbers in Simplified Chinese."""

DATE_FORMAT = "Y年n月j日"
SHORT_DATE_FORMAT = "Y年n月j日"
MONTH_DAY_FORMAT = "n月j日"
SHORT_MONTH_DAY_FORMAT = "n月j日"
SHORT_MONTH_FORMAT = "n月"
YEAR_MONTH_FORMAT = "Y年n月"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "Y年n月j日 H:i"
SHORT_DATETIME_FORMAT = "Y年n月j日 H:i"
DAY_TIME_FORMAT = "n月j日 H:i"
SECONDS_FORMAT = "Y年n月j日 H:i:s"
ZONED_FORMAT = "Y年n月j日 H:i T"
ZONED_SECONDS_FORMAT = "Y年n月j日 H:i:s T"
FIRST_DAY_OF_WEEK = 1
# Django's own groups four digits, which no Chinese reader expects.
DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
