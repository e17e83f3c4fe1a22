# 从档案中读取并保存或打印的内容。

extract-title = 客户档案摘录
extract-what = 摘录说明
extract-reader = 查阅人
extract-grant = 授权
extract-purpose = 用途
extract-records = 档案数
extract-withheld = 不能展示的档案数
extract-watermark = 水印
extract-warning = 本摘录可追溯到查阅人：其中每次答复都带有水印。请按授权保管，用毕销毁。
extract-values = 查阅内容
extract-record = 档案
extract-field = 字段
extract-value = 内容
