# What stands in every report.

report-organisation = Organisation
report-period = Period
report-from-until = { $from } to { $until }
report-generated = Generated
report-zone = Times
report-all-times = All times are { $zone }.
report-digest = SHA-256 of the report's data
report-digest-short = Data { $digest }
report-page = Page { $page } of { $pages }
report-contents = Contents
report-footnotes = Notes
report-signatures = Signatures
report-name = Name
report-date = Date
report-signature = Signature and seal
report-attachments = Attached files
report-attachment-in-pdf = Embedded in the PDF and in the JSON data of this report.
report-sha256 = SHA-256
report-more-rows = { $count ->
    [one] 1 more row is not shown here.
   *[other] { $count } more rows are not shown here.
  }
report-no-rows = None.
report-rows = { $count ->
    [one] 1 row
   *[other] { $count } rows
  }
report-cut = Text that is too long for its place ends with three dots; the report's data have all of it.
report-verbatim-cut = The first { $shown } of { $all } characters; the attached file has all of them.
report-total = Total
report-label = Item
report-value = Value
report-numbers = The numbers of this chart
report-good = in order
report-attention = needs attention
report-bad = not in order
report-neutral = noted
