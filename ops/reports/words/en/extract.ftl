# What somebody read of the archive, saved or printed.

extract-title = Extract from the customer archives
extract-what = What it is
extract-reader = Reader
extract-grant = Grant
extract-purpose = Purpose
extract-records = Records
extract-withheld = Records that cannot be shown
extract-watermark = Watermark
extract-warning = This extract names its reader: each answer in it carries a watermark. Keep it as the grant says, and destroy it after use.
extract-values = What was read
extract-record = Record
extract-field = Field
extract-value = Value
