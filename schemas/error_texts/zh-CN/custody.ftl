# 保管：介质、复制件、终端、辅助系统。

DG-MED-001 = 这种方式不能使该介质彻底不可恢复。
    .next-step = 请使用括号内的一种方式；纸质资料须粉碎、焚烧或交专业机构销毁，不得当成废纸出售。
DG-MED-002 = 登记见证视频时须写明其存放处。
    .next-step = 请用 --target 写明 store_disc 或 headquarters_server。
DG-MED-020 = 无法读取辅助系统的清单。
    .next-step = 请提供带表头的 CSV 或 JSON Lines 文件，使用 UTF-8 编码，并用 --column 指明列名。
