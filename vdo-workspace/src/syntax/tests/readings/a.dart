import 'package:flutter/material.dart';

/// A page.
class Page extends StatelessWidget {
  Page(this.title);
  final String title;

  @override
  Widget build(BuildContext context) {
    if (title.isEmpty) {
      return Container();
    }
    return Text(title);
  }
}

void main() {
  runApp(Page('x'));
}
