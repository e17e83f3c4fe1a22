# 报告：文件及生成报告的程序库。

DG-RPT-001 = 无法写入报告文件。
    .next-step = 请指定一个可以写入、空间足够的文件夹；没有留下只写了一半的文件。
DG-RPT-002 = 缺少生成这种报告的程序库。
    .next-step = 请安装附加组件 office 的程序库：pip install dangan[office]；JSON 形式不需要。
DG-RPT-003 = 报告超过了允许的大小。
    .next-step = 请缩短期间或减少档案数量，或者以 CSV 导出清单。
DG-RPT-004 = 没有这种形式的报告。
    .next-step = 请指定文件夹，或者以 .html、.pdf 或 .json 结尾的文件名。
DG-RPT-005 = 销毁证明须先验证才能制成文件，而这里没有信任文件。
    .next-step = 请用 --trust 指定事先取得的档案库信任文件。
DG-RPT-006 = 这份档案有多份销毁证明，而一份文件只写一份证明。
    .next-step = 请用 dangan certificate show RECORD 打印这些证明，把其中一份存为文件，再指定该文件。
